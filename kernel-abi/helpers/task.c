// SPDX-License-Identifier: GPL-2.0 OR MIT
#include <linux/cred.h>
#include <linux/pid_namespace.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/uidgid.h>

void nova_get_task_struct(struct task_struct *t);
void nova_put_task_struct(struct task_struct *t);
struct task_struct *nova_get_current(void);
pid_t nova_task_pid(struct task_struct *t);
pid_t nova_task_tgid(struct task_struct *t);
kuid_t nova_task_uid(struct task_struct *t);
kuid_t nova_task_euid(struct task_struct *t);
void nova_task_comm(struct task_struct *t, char *buf, size_t len);
bool nova_signal_pending(struct task_struct *t);
struct pid_namespace *nova_task_get_pid_ns(struct task_struct *t);
pid_t nova_task_tgid_nr_ns(struct task_struct *t, struct pid_namespace *ns);
struct task_struct *nova_task_group_leader(struct task_struct *t);
struct mm_struct *nova_task_mm(struct task_struct *t);
void nova_get_pid_ns(struct pid_namespace *ns);
void nova_might_sleep(void);
void nova_set_current_state(unsigned int state);

void nova_get_task_struct(struct task_struct *t)
{
	get_task_struct(t);
}

void nova_put_task_struct(struct task_struct *t)
{
	put_task_struct(t);
}

struct task_struct *nova_get_current(void)
{
	return current;
}

pid_t nova_task_pid(struct task_struct *t)
{
	return task_pid_nr(t);
}

pid_t nova_task_tgid(struct task_struct *t)
{
	return task_tgid_nr(t);
}

kuid_t nova_task_uid(struct task_struct *t)
{
	return task_uid(t);
}

kuid_t nova_task_euid(struct task_struct *t)
{
	return task_cred_xxx(t, euid);
}

void nova_task_comm(struct task_struct *t, char *buf, size_t len)
{
	strscpy_pad(buf, t->comm, len);
}

bool nova_signal_pending(struct task_struct *t)
{
	return signal_pending(t);
}

struct pid_namespace *nova_task_get_pid_ns(struct task_struct *t)
{
	struct pid_namespace *ns;

	rcu_read_lock();
	ns = task_active_pid_ns(t);
	if (ns)
		get_pid_ns(ns);
	rcu_read_unlock();
	return ns;
}

pid_t nova_task_tgid_nr_ns(struct task_struct *t, struct pid_namespace *ns)
{
	return task_tgid_nr_ns(t, ns);
}

struct task_struct *nova_task_group_leader(struct task_struct *t)
{
	return t->group_leader;
}

struct mm_struct *nova_task_mm(struct task_struct *t)
{
	return t->mm;
}

void nova_get_pid_ns(struct pid_namespace *ns)
{
	get_pid_ns(ns);
}

void nova_might_sleep(void)
{
	might_sleep();
}

void nova_set_current_state(unsigned int state)
{
	set_current_state(state);
}
