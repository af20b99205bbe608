// SPDX-License-Identifier: GPL-2.0 OR MIT
#include <linux/workqueue.h>

bool nova_schedule_work(struct work_struct *work);
void nova_init_work(struct work_struct *work, work_func_t func);

bool nova_schedule_work(struct work_struct *work)
{
	return queue_work(system_unbound_wq, work);
}

void nova_init_work(struct work_struct *work, work_func_t func)
{
	INIT_WORK(work, func);
}
