// SPDX-License-Identifier: GPL-2.0 OR MIT
#include <linux/completion.h>

void nova_init_completion(struct completion *x);
void nova_reinit_completion(struct completion *x);

void nova_init_completion(struct completion *x)
{
	init_completion(x);
}

void nova_reinit_completion(struct completion *x)
{
	reinit_completion(x);
}
