// SPDX-License-Identifier: GPL-2.0 OR MIT
#include <linux/bug.h>

__noreturn void nova_bug(void);

__noreturn void nova_bug(void)
{
	BUG();
}
