// SPDX-License-Identifier: GPL-2.0 OR MIT
#include <linux/lockdep.h>

void nova_lockdep_register_key(struct lock_class_key *key);
void nova_lockdep_unregister_key(struct lock_class_key *key);

void nova_lockdep_register_key(struct lock_class_key *key)
{
	lockdep_register_key(key);
}

void nova_lockdep_unregister_key(struct lock_class_key *key)
{
	lockdep_unregister_key(key);
}
