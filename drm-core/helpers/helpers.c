// SPDX-License-Identifier: GPL-2.0 OR MIT
/* As kernel-abi/helpers/helpers.c, for DRM. */
#include <drm/drm_drv.h>
#include <drm/drm_gem.h>
#include <drm/drm_gem_shmem_helper.h>
#include <drm/drm_vma_manager.h>

#include "fence.c"

u64 nova_drm_vma_node_offset_addr(struct drm_gem_object *obj);
void nova_drm_gem_object_get(struct drm_gem_object *obj);
void nova_drm_gem_object_put(struct drm_gem_object *obj);

u64 nova_drm_vma_node_offset_addr(struct drm_gem_object *obj)
{
	return drm_vma_node_offset_addr(&obj->vma_node);
}

void nova_drm_gem_object_get(struct drm_gem_object *obj)
{
	drm_gem_object_get(obj);
}

void nova_drm_gem_object_put(struct drm_gem_object *obj)
{
	drm_gem_object_put(obj);
}

/* The owner is the module that this file is linked into. */
extern const struct file_operations nova_drm_gem_fops;
const struct file_operations nova_drm_gem_fops = { .owner = THIS_MODULE, DRM_GEM_FOPS };

int nova_drm_gem_shmem_object_mmap(struct drm_gem_object *obj, struct vm_area_struct *vma);
int nova_drm_gem_shmem_object_mmap(struct drm_gem_object *obj, struct vm_area_struct *vma)
{
	return drm_gem_shmem_object_mmap(obj, vma);
}

void nova_drm_gem_shmem_set_wc(struct drm_gem_object *obj, bool wc);
void nova_drm_gem_shmem_set_wc(struct drm_gem_object *obj, bool wc)
{
	to_drm_gem_shmem_obj(obj)->map_wc = wc;
}
