// SPDX-License-Identifier: GPL-2.0 OR MIT
#include <linux/refcount.h>

bool nova_refcount_dec_and_test(refcount_t *refs);
void nova_refcount_dec(refcount_t *refs);
void nova_refcount_inc(refcount_t *refs);
void nova_refcount_set(refcount_t *refs, int value);

bool nova_refcount_dec_and_test(refcount_t *refs)
{
	return refcount_dec_and_test(refs);
}

void nova_refcount_dec(refcount_t *refs)
{
	refcount_dec(refs);
}

void nova_refcount_inc(refcount_t *refs)
{
	refcount_inc(refs);
}

void nova_refcount_set(refcount_t *refs, int value)
{
	refcount_set(refs, value);
}
