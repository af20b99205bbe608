// SPDX-License-Identifier: GPL-2.0 OR MIT
#include <linux/vmalloc.h>

void *nova_vmalloc(size_t size, gfp_t flags);

void *nova_vmalloc(size_t size, gfp_t flags)
{
	return __vmalloc(size, flags);
}
