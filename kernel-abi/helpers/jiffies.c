// SPDX-License-Identifier: GPL-2.0 OR MIT
#include <linux/jiffies.h>

unsigned int nova_jiffies_to_msecs(unsigned long jiffies);

unsigned int nova_jiffies_to_msecs(unsigned long jiffies)
{
	return jiffies_to_msecs(jiffies);
}
