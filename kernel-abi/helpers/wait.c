// SPDX-License-Identifier: GPL-2.0 OR MIT
#include <linux/sched/signal.h>
#include <linux/wait.h>

bool nova_signal_pending_state(unsigned int state);
void nova_init_wait(struct wait_queue_entry *entry);

bool nova_signal_pending_state(unsigned int state)
{
	return signal_pending_state(state, current);
}

void nova_init_wait(struct wait_queue_entry *entry)
{
	init_wait(entry);
}
