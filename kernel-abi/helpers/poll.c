// SPDX-License-Identifier: GPL-2.0 OR MIT
#include <linux/poll.h>
#include <linux/wait.h>

void nova_poll_wait(struct file *file, wait_queue_head_t *head, poll_table *table);
void nova_wake_up_pollfree(wait_queue_head_t *head);

void nova_poll_wait(struct file *file, wait_queue_head_t *head, poll_table *table)
{
	poll_wait(file, head, table);
}

void nova_wake_up_pollfree(wait_queue_head_t *head)
{
	wake_up_pollfree(head);
}
