// SPDX-License-Identifier: GPL-2.0 OR MIT
#include <linux/cc_platform.h>
#include <linux/mm.h>
#include <linux/pfn.h>

bool nova_guest_memory_is_encrypted(void);
u64 nova_page_to_phys(struct page *page);
struct page *nova_alloc_page(gfp_t flags);
void nova_free_page(struct page *page);
void *nova_page_address(struct page *page);

bool nova_guest_memory_is_encrypted(void)
{
	return cc_platform_has(CC_ATTR_GUEST_MEM_ENCRYPT);
}

u64 nova_page_to_phys(struct page *page)
{
	return PFN_PHYS(page_to_pfn(page));
}

struct page *nova_alloc_page(gfp_t flags)
{
	return alloc_page(flags);
}

void nova_free_page(struct page *page)
{
	__free_page(page);
}

void *nova_page_address(struct page *page)
{
	return page_address(page);
}
