// SPDX-License-Identifier: GPL-2.0 OR MIT
#include <linux/rcupdate.h>

void nova_rcu_read_lock(void);
void nova_rcu_read_unlock(void);

void nova_rcu_read_lock(void)
{
	rcu_read_lock();
}

void nova_rcu_read_unlock(void)
{
	rcu_read_unlock();
}
