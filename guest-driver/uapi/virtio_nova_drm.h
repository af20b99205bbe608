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
#define DRM_NOVA_GEM_MMAP_OFFSET	0x22
#define DRM_NOVA_GEM_CHECKSUM		0x3f

/* What the GPU is. */
struct drm_nova_query {
	__u32 chipset;		/* out: as NV_PMC_BOOT_42 names it, GA102 0x172 */
	__u32 pad;		/* in: 0 */
	__u64 vram_size;	/* out: bytes on the card */
	__u64 vram_bar_size;	/* out: bytes of its BAR1 */
	__u8 chip_name[16];	/* out: ASCII, zero-terminated */
};

/* Where in the node's address space an object can be mapped. */
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

#define DRM_IOCTL_NOVA_QUERY		DRM_IOWR(DRM_COMMAND_BASE + DRM_NOVA_QUERY, struct drm_nova_query)
#define DRM_IOCTL_NOVA_GEM_MMAP_OFFSET	DRM_IOWR(DRM_COMMAND_BASE + DRM_NOVA_GEM_MMAP_OFFSET, struct drm_nova_gem_mmap_offset)
#define DRM_IOCTL_NOVA_GEM_CHECKSUM	DRM_IOWR(DRM_COMMAND_BASE + DRM_NOVA_GEM_CHECKSUM, struct drm_nova_gem_checksum)

#if defined(__cplusplus)
}
#endif

#endif
