// SPDX-License-Identifier: GPL-2.0 OR MIT
#include <linux/mm.h>
#include <linux/mmap_lock.h>
#include <linux/sched/mm.h>

void nova_mmgrab(struct mm_struct *mm);
void nova_mmdrop(struct mm_struct *mm);
void nova_mmget(struct mm_struct *mm);
bool nova_mmget_not_zero(struct mm_struct *mm);
void nova_mmap_read_lock(struct mm_struct *mm);
bool nova_mmap_read_trylock(struct mm_struct *mm);
void nova_mmap_read_unlock(struct mm_struct *mm);

void nova_mmgrab(struct mm_struct *mm)
{
	mmgrab(mm);
}

void nova_mmdrop(struct mm_struct *mm)
{
	mmdrop(mm);
}

void nova_mmget(struct mm_struct *mm)
{
	mmget(mm);
}

bool nova_mmget_not_zero(struct mm_struct *mm)
{
	return mmget_not_zero(mm);
}

void nova_mmap_read_lock(struct mm_struct *mm)
{
	mmap_read_lock(mm);
}

bool nova_mmap_read_trylock(struct mm_struct *mm)
{
	return mmap_read_trylock(mm);
}

void nova_mmap_read_unlock(struct mm_struct *mm)
{
	mmap_read_unlock(mm);
}
