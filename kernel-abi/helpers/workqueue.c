// SPDX-License-Identifier: GPL-2.0 OR MIT
#include <linux/version.h>
#include <linux/workqueue.h>

/* 6.18 renamed it; 7.x warns of the old name. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 18, 0)
#define system_dfl_wq system_unbound_wq
#endif

bool nova_schedule_work(struct work_struct *work);
void nova_init_work(struct work_struct *work, work_func_t func);
bool nova_mod_delayed_work(struct delayed_work *work, unsigned long delay);
void nova_init_delayed_work(struct delayed_work *work, work_func_t func);

bool nova_schedule_work(struct work_struct *work)
{
	return queue_work(system_dfl_wq, work);
}

void nova_init_work(struct work_struct *work, work_func_t func)
{
	INIT_WORK(work, func);
}

bool nova_mod_delayed_work(struct delayed_work *work, unsigned long delay)
{
	return mod_delayed_work(system_dfl_wq, work, delay);
}

void nova_init_delayed_work(struct delayed_work *work, work_func_t func)
{
	INIT_DELAYED_WORK(work, func);
}
