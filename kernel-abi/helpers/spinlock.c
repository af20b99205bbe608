// SPDX-License-Identifier: GPL-2.0 OR MIT
#include <linux/spinlock.h>

void nova_spin_lock_init(spinlock_t *lock, const char *name, struct lock_class_key *key);
unsigned long nova_spin_lock_irqsave(spinlock_t *lock);
void nova_spin_assert_is_held(spinlock_t *lock);
void nova_spin_lock(spinlock_t *lock);
bool nova_spin_trylock(spinlock_t *lock);
bool nova_spin_trylock_irqsave(spinlock_t *lock, unsigned long *flags);
void nova_spin_unlock(spinlock_t *lock);
void nova_spin_unlock_irqrestore(spinlock_t *lock, unsigned long flags);

void nova_spin_lock_init(spinlock_t *lock, const char *name, struct lock_class_key *key)
{
#if defined(CONFIG_PREEMPT_RT)
	__spin_lock_init(lock, name, key, false);
#elif defined(CONFIG_DEBUG_SPINLOCK)
	__raw_spin_lock_init(spinlock_check(lock), name, key, LD_WAIT_CONFIG);
#else
	spin_lock_init(lock);
#endif
}

unsigned long nova_spin_lock_irqsave(spinlock_t *lock)
{
	unsigned long flags;

	spin_lock_irqsave(lock, flags);
	return flags;
}

void nova_spin_assert_is_held(spinlock_t *lock)
{
	lockdep_assert_held(lock);
}

void nova_spin_lock(spinlock_t *lock)
{
	spin_lock(lock);
}

bool nova_spin_trylock(spinlock_t *lock)
{
	return spin_trylock(lock);
}

bool nova_spin_trylock_irqsave(spinlock_t *lock, unsigned long *flags)
{
	return spin_trylock_irqsave(lock, *flags);
}

void nova_spin_unlock(spinlock_t *lock)
{
	spin_unlock(lock);
}

void nova_spin_unlock_irqrestore(spinlock_t *lock, unsigned long flags)
{
	spin_unlock_irqrestore(lock, flags);
}
