// SPDX-License-Identifier: GPL-2.0 OR MIT
#include <linux/slab.h>

void *nova_krealloc(const void *objp, size_t size, gfp_t flags);
void *nova_kvmalloc(size_t size, gfp_t flags);

void *nova_krealloc(const void *objp, size_t size, gfp_t flags)
{
	return krealloc(objp, size, flags);
}

void *nova_kvmalloc(size_t size, gfp_t flags)
{
	return kvmalloc(size, flags);
}
