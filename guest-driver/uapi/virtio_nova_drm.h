/* SPDX-License-Identifier: MIT */
/*
 * What nova-drm of a virtual machine has beyond Linux 7.3's nova_drm.h, whose ioctls
 * (GETPARAM 0x00, GEM_CREATE 0x01, GEM_INFO 0x02) it has bit for bit. Numbers start at 0x20 so
 * that upstream's next ones do not collide.
 */
#ifndef _VIRTIO_NOVA_DRM_H_
#define _VIRTIO_NOVA_DRM_H_

#include <drm/drm.h>

#if defined(__cplusplus)
extern "C" {
#endif

#define DRM_NOVA_QUERY			0x20
#define DRM_NOVA_GEM_NEW		0x21
#define DRM_NOVA_GEM_MMAP_OFFSET	0x22
#define DRM_NOVA_VM_CREATE		0x23
#define DRM_NOVA_VM_DESTROY		0x24
#define DRM_NOVA_VM_BIND		0x25
#define DRM_NOVA_QUEUE_CREATE		0x26
#define DRM_NOVA_QUEUE_DESTROY		0x27
#define DRM_NOVA_EXEC			0x28
#define DRM_NOVA_GEM_CHECKSUM		0x3f

#define NOVA_OPTION_WORK	(1 << 0)	/* VRAM, address spaces, queues, sync objects; else EOPNOTSUPP */

/* What the GPU is, and what this machine may have of it. It grows at its end. */
struct drm_nova_query {
	__u32 chipset;		/* out: as NV_PMC_BOOT_42 names it, GA102 0x172 */
	__u32 pad;		/* in: 0 */
	__u64 vram_size;	/* out: bytes on the card */
	__u64 vram_bar_size;	/* out: bytes of its BAR1 */
	__u8 chip_name[16];	/* out: ASCII, zero-terminated */
	__u32 options;		/* out: NOVA_OPTION_*; without WORK the rest is 0 */
	__u32 engines;		/* out: bit n: a queue can be on engine n */
	__u32 gpfifo_class;	/* out: class of channels */
	__u32 copy_class;	/* out: class of the copy engine, or 0 */
	__u64 vram_quota;	/* out: bytes that this machine may have */
	__u64 vram_used;	/* out: bytes of it in use now */
	__u64 va_start;		/* out: first GPU virtual address */
	__u64 va_end;		/* out: the first one beyond */
	__u64 page_sizes;	/* out: bit n: the GPU maps pages of 2^n bytes */
	__u64 max_object_size;	/* out: bytes */
	__u32 max_bind_ops;	/* out: of one VM_BIND */
	__u32 max_pushes;	/* out: of one EXEC */
	__u32 max_push_length;	/* out: bytes */
	__u32 max_syncs;	/* out: of one call, each way */
	__u32 max_binds_in_flight; /* out: of an address space; more have to wait */
	__u32 max_execs_in_flight; /* out: of a queue; more have to wait */
	__u32 work_timeout_ms;	/* out: a submission that takes longer loses its queue; 0 = no bound */
	__u32 pad2;		/* out: 0 */
};

#define NOVA_GEM_DOMAIN_SYSTEM	1	/* pages of this machine */
#define NOVA_GEM_DOMAIN_VRAM	2	/* video memory, which mmap(2) does not reach */

#define NOVA_GEM_WRITE_COMBINED	(1 << 0)	/* of the system domain: else cached */

/* Makes a GEM object in a domain. */
struct drm_nova_gem_new {
	__u64 size;		/* in: bytes, rounded up to pages */
	__u32 domain;		/* in: NOVA_GEM_DOMAIN_* */
	__u32 flags;		/* in: NOVA_GEM_WRITE_COMBINED */
	__u32 handle;		/* out */
	__u32 pad;		/* in: 0 */
};

/* Where in the node's address space an object can be mapped. EOPNOTSUPP for one in VRAM. */
struct drm_nova_gem_mmap_offset {
	__u32 handle;		/* in */
	__u32 pad;		/* in: 0 */
	__u64 offset;		/* out: for mmap(2) */
};

#define NOVA_GEM_CHECKSUM_READ	0	/* the device reads */
#define NOVA_GEM_CHECKSUM_FILL	1	/* the device writes the pattern of seed, then reads */

/* A diagnostic: the device's view of a part of an object. */
struct drm_nova_gem_checksum {
	__u32 handle;		/* in */
	__u32 op;		/* in: NOVA_GEM_CHECKSUM_* */
	__u64 offset;		/* in: bytes into the object */
	__u64 length;		/* in: bytes, at most 1 MiB */
	__u64 seed;		/* in: of the pattern; 0 for read */
	__u32 crc32;		/* out: IEEE 802.3 */
	__u32 pad;		/* in: 0 */
};

/*
 * Address spaces, queues and submissions, with the semantics of the in-tree drivers that have VM_BIND and
 * EXEC: binds of an address space and submissions of a queue complete in order, and each begins when what it
 * waits for is complete.
 */

/* Makes an address space. */
struct drm_nova_vm_create {
	__u32 vm_id;		/* out: not 0 */
	__u32 flags;		/* in: 0 */
};

/* Ends an address space; EBUSY while it has queues. */
struct drm_nova_vm_destroy {
	__u32 vm_id;		/* in */
	__u32 pad;		/* in: 0 */
};

#define NOVA_SYNC_TYPE_MASK		0xf
#define NOVA_SYNC_SYNCOBJ		0	/* binary */
#define NOVA_SYNC_TIMELINE_SYNCOBJ	1	/* a point on a timeline */

/* To wait for (with a fence, else EINVAL), or to signal. */
struct drm_nova_sync {
	__u32 flags;		/* NOVA_SYNC_*SYNCOBJ */
	__u32 handle;		/* of a sync object */
	__u64 timeline_value;	/* the point, not 0; binary: 0 */
};

#define NOVA_VM_BIND_OP_MAP	0	/* over whatever is mapped */
#define NOVA_VM_BIND_OP_UNMAP	1	/* holes are fine */

#define NOVA_VM_BIND_READ_ONLY	(1 << 0)	/* map: work may only read */
#define NOVA_VM_BIND_SPARSE	(1 << 1)	/* map: reads are 0, writes have no effect; no object */

struct drm_nova_vm_bind_op {
	__u32 op;		/* NOVA_VM_BIND_OP_* */
	__u32 flags;		/* NOVA_VM_BIND_READ_ONLY, NOVA_VM_BIND_SPARSE */
	__u32 handle;		/* of an object; sparse and unmap: 0 */
	__u32 pad;		/* 0 */
	__u64 addr;		/* GPU virtual address, page-aligned */
	__u64 offset;		/* bytes into the object, page-aligned; sparse and unmap: 0 */
	__u64 range;		/* bytes, page-aligned, not 0 */
};

#define NOVA_VM_BIND_ASYNC	(1 << 0)	/* does not wait for the operations; takes sync objects */

/* Changes mappings. No operations make a sync point. */
struct drm_nova_vm_bind {
	__u32 vm_id;		/* in */
	__u32 op_count;		/* in */
	__u32 flags;		/* in: NOVA_VM_BIND_ASYNC */
	__u32 pad;		/* in: 0 */
	__u64 op_ptr;		/* in: of drm_nova_vm_bind_op, done in order */
	__u32 wait_count;	/* in */
	__u32 sig_count;	/* in */
	__u64 wait_ptr;		/* in: of drm_nova_sync */
	__u64 sig_ptr;		/* in: of drm_nova_sync */
};

#define NOVA_ENGINE_COPY	1

#define NOVA_PRIORITY_LOW	0
#define NOVA_PRIORITY_NORMAL	1
#define NOVA_PRIORITY_HIGH	2

/* Makes a queue, a GPU channel, that works in an address space. */
struct drm_nova_queue_create {
	__u32 vm_id;		/* in */
	__u32 engine;		/* in: NOVA_ENGINE_* */
	__u32 priority;		/* in: NOVA_PRIORITY_* */
	__u32 flags;		/* in: 0 */
	__u32 queue_id;		/* out: not 0 */
	__u32 pad;		/* in: 0 */
};

/* Ends a queue and what it does. */
struct drm_nova_queue_destroy {
	__u32 queue_id;		/* in */
	__u32 pad;		/* in: 0 */
};

#define NOVA_EXEC_PUSH_NO_PREFETCH	(1 << 0)	/* fetched only when it is its turn */

/* A piece of a push buffer: methods. */
struct drm_nova_exec_push {
	__u64 va;		/* a multiple of 4 */
	__u32 va_len;		/* bytes, a multiple of 4, not 0 */
	__u32 flags;		/* NOVA_EXEC_PUSH_* */
};

/* Submits work. No pushes make a sync point. */
struct drm_nova_exec {
	__u32 queue_id;		/* in: ENODEV when it is lost */
	__u32 push_count;	/* in */
	__u64 push_ptr;		/* in: of drm_nova_exec_push */
	__u32 wait_count;	/* in */
	__u32 sig_count;	/* in */
	__u64 wait_ptr;		/* in: of drm_nova_sync */
	__u64 sig_ptr;		/* in: of drm_nova_sync */
};

/* Events, read from the file. */
#define NOVA_EVENT_QUEUE_LOST	0x80000001
#define NOVA_EVENT_VM_LOST	0x80000002	/* and with it its queues */
#define NOVA_EVENT_DEVICE_LOST	0x80000003

#define NOVA_LOST_MMU_FAULT	1	/* an address that is not mapped, or not for this access */
#define NOVA_LOST_ENGINE	2	/* an error in what was submitted */
#define NOVA_LOST_TIMEOUT	3	/* a submission took too long */
#define NOVA_LOST_KILLED	4	/* ended by the host */
#define NOVA_LOST_RESOURCES	5	/* the host could not go on with it */
#define NOVA_LOST_HOST		6	/* the host is silent */

struct drm_nova_event_lost {
	struct drm_event base;	/* NOVA_EVENT_* */
	__u32 id;		/* of the queue or address space; 0 for the device */
	__u32 reason;		/* NOVA_LOST_* */
	__u64 addr;		/* of a fault, else 0 */
};

#define DRM_IOCTL_NOVA_QUERY		DRM_IOWR(DRM_COMMAND_BASE + DRM_NOVA_QUERY, struct drm_nova_query)
#define DRM_IOCTL_NOVA_GEM_MMAP_OFFSET	DRM_IOWR(DRM_COMMAND_BASE + DRM_NOVA_GEM_MMAP_OFFSET, struct drm_nova_gem_mmap_offset)
#define DRM_IOCTL_NOVA_GEM_NEW		DRM_IOWR(DRM_COMMAND_BASE + DRM_NOVA_GEM_NEW, struct drm_nova_gem_new)
#define DRM_IOCTL_NOVA_VM_CREATE	DRM_IOWR(DRM_COMMAND_BASE + DRM_NOVA_VM_CREATE, struct drm_nova_vm_create)
#define DRM_IOCTL_NOVA_VM_DESTROY	DRM_IOWR(DRM_COMMAND_BASE + DRM_NOVA_VM_DESTROY, struct drm_nova_vm_destroy)
#define DRM_IOCTL_NOVA_VM_BIND		DRM_IOWR(DRM_COMMAND_BASE + DRM_NOVA_VM_BIND, struct drm_nova_vm_bind)
#define DRM_IOCTL_NOVA_QUEUE_CREATE	DRM_IOWR(DRM_COMMAND_BASE + DRM_NOVA_QUEUE_CREATE, struct drm_nova_queue_create)
#define DRM_IOCTL_NOVA_QUEUE_DESTROY	DRM_IOWR(DRM_COMMAND_BASE + DRM_NOVA_QUEUE_DESTROY, struct drm_nova_queue_destroy)
#define DRM_IOCTL_NOVA_EXEC		DRM_IOWR(DRM_COMMAND_BASE + DRM_NOVA_EXEC, struct drm_nova_exec)
#define DRM_IOCTL_NOVA_GEM_CHECKSUM	DRM_IOWR(DRM_COMMAND_BASE + DRM_NOVA_GEM_CHECKSUM, struct drm_nova_gem_checksum)

#if defined(__cplusplus)
}
#endif

#endif
