// SPDX-License-Identifier: GPL-2.0 OR MIT
#include <linux/cred.h>
#include <linux/sched.h>
#include <linux/uidgid.h>

u32 nova_current_euid(void);
u32 nova_current_tgid(void);
void nova_current_comm(char *buf, size_t len);

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
