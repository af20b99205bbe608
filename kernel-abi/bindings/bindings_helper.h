/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * The C headers that the bindings are made from, sorted. What is taken from them is
 * listed in bindgen_parameters.
 */
#include <drm/drm_device.h>
#include <drm/drm_drv.h>
#include <drm/drm_file.h>
#include <drm/drm_gem.h>
#include <drm/drm_gem_shmem_helper.h>
#include <drm/drm_ioctl.h>
#include <drm/drm_prime.h>
#include <drm/drm_syncobj.h>
#include <linux/completion.h>
#include <linux/cred.h>
#include <linux/delay.h>
#include <linux/device.h>
#include <linux/dma-fence-unwrap.h>
#include <linux/dma-fence.h>
#include <linux/fs.h>
#include <linux/gfp.h>
#include <linux/jiffies.h>
#include <linux/kthread.h>
#include <linux/lockdep.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/poll.h>
#include <linux/printk.h>
#include <linux/rcupdate.h>
#include <linux/refcount.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/uidgid.h>
#include <linux/virtio.h>
#include <linux/virtio_config.h>
#include <linux/vmalloc.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

/* Macros that bindgen cannot evaluate, as constants that it can. */
const gfp_t NOVA_CONST_GFP_KERNEL = GFP_KERNEL;
const __poll_t NOVA_CONST_EPOLLIN = EPOLLIN;
const gfp_t NOVA_CONST_GFP_ATOMIC = GFP_ATOMIC;
const gfp_t NOVA_CONST_GFP_KERNEL_ACCOUNT = GFP_KERNEL_ACCOUNT;
const gfp_t NOVA_CONST_GFP_NOWAIT = GFP_NOWAIT;
const gfp_t NOVA_CONST_GFP_NOWARN = __GFP_NOWARN;
const gfp_t NOVA_CONST_GFP_ZERO = __GFP_ZERO;
const size_t NOVA_CONST_ARCH_KMALLOC_MINALIGN = ARCH_KMALLOC_MINALIGN;
const size_t NOVA_CONST_PAGE_SIZE = PAGE_SIZE;
const unsigned int NOVA_CONST_TASK_INTERRUPTIBLE = TASK_INTERRUPTIBLE;
const unsigned int NOVA_CONST_TASK_KILLABLE = TASK_KILLABLE;
const unsigned int NOVA_CONST_TASK_NORMAL = TASK_NORMAL;
const unsigned int NOVA_CONST_TASK_UNINTERRUPTIBLE = TASK_UNINTERRUPTIBLE;
const fop_flags_t NOVA_CONST_FOP_UNSIGNED_OFFSET = FOP_UNSIGNED_OFFSET;

/* The helpers: their definitions are the one declaration that Rust sees. */
#include "kernel-abi/helpers/helpers.c"
#include "drm-core/helpers/helpers.c"
