// SPDX-License-Identifier: GPL-2.0 OR MIT
#include <linux/mutex.h>

void nova_mutex_init(struct mutex *lock, const char *name, struct lock_class_key *key);
void nova_mutex_lock(struct mutex *lock);
bool nova_mutex_trylock(struct mutex *lock);
void nova_mutex_assert_is_held(struct mutex *lock);

void nova_mutex_init(struct mutex *lock, const char *name, struct lock_class_key *key)
{
	__mutex_init(lock, name, key);
}

void nova_mutex_lock(struct mutex *lock)
{
	mutex_lock(lock);
}

bool nova_mutex_trylock(struct mutex *lock)
{
	return mutex_trylock(lock);
}

void nova_mutex_assert_is_held(struct mutex *lock)
{
	lockdep_assert_held(lock);
}
