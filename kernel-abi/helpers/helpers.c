// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * C macros and inline functions as functions that Rust can call: one line each, a file a
 * topic, sorted. Differences between kernel versions live here and nowhere else.
 */
#include "barrier.c"
#include "bug.c"
#include "completion.c"
#include "cred.c"
#include "device.c"
#include "fs.c"
#include "jiffies.c"
#include "lockdep.c"
#include "mm.c"
#include "mutex.c"
#include "page.c"
#include "poll.c"
#include "rcu.c"
#include "refcount.c"
#include "security.c"
#include "slab.c"
#include "spinlock.c"
#include "task.c"
#include "uaccess.c"
#include "virtio.c"
#include "vmalloc.c"
#include "wait.c"
#include "workqueue.c"
