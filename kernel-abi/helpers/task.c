// SPDX-License-Identifier: GPL-2.0 OR MIT
#include <linux/cred.h>
#include <linux/sched.h>
#include <linux/sched/task.h>
#include <linux/uidgid.h>

void nova_get_task_struct(struct task_struct *t);
void nova_put_task_struct(struct task_struct *t);
u32 nova_current_euid(void);
u32 nova_current_tgid(void);
void nova_current_comm(char *buf, size_t len);

void nova_get_task_struct(struct task_struct *t)
{
	get_task_struct(t);
}

void nova_put_task_struct(struct task_struct *t)
{
	put_task_struct(t);
}

u32 nova_current_euid(void)
{
	return from_kuid_munged(&init_user_ns, current_euid());
}

u32 nova_current_tgid(void)
{
	return task_tgid_nr(current);
}

void nova_current_comm(char *buf, size_t len)
{
	strscpy_pad(buf, current->group_leader->comm, len);
}
