// SPDX-License-Identifier: GPL-2.0 OR MIT
#include <drm/drm_syncobj.h>
#include <linux/dma-fence-chain.h>
#include <linux/dma-fence-unwrap.h>
#include <linux/dma-fence.h>
#include <linux/module.h>
#include <linux/rcupdate.h>

/*
 * A fence of ours. In 6.12 a fence needs a lock from outside; in its own memory that lives as long. And its operations are
 * called for as long as somebody has it, so each fence holds the module.
 */
struct nova_fence {
	struct dma_fence base;
	spinlock_t lock;
	void (*drop)(struct nova_fence *fence);
};

bool nova_fence_init(struct nova_fence *fence, const struct dma_fence_ops *ops,
		     void (*drop)(struct nova_fence *fence), u64 context, u64 seqno);
void nova_fence_release(struct dma_fence *fence);
bool nova_fence_signal(struct nova_fence *fence, int error);
void nova_dma_fence_get(struct dma_fence *fence);
void nova_dma_fence_put(struct dma_fence *fence);
bool nova_dma_fence_is_signaled(struct dma_fence *fence);
bool nova_dma_fence_is_ours(struct dma_fence *fence);
bool nova_dma_fence_begin_signalling(void);
void nova_dma_fence_end_signalling(bool cookie);
struct dma_fence_chain *nova_dma_fence_chain_alloc(void);
void nova_dma_fence_chain_free(struct dma_fence_chain *chain);
void nova_drm_syncobj_get(struct drm_syncobj *syncobj);
void nova_drm_syncobj_put(struct drm_syncobj *syncobj);

bool nova_fence_init(struct nova_fence *fence, const struct dma_fence_ops *ops,
		     void (*drop)(struct nova_fence *fence), u64 context, u64 seqno)
{
	if (!try_module_get(THIS_MODULE))
		return false;
	spin_lock_init(&fence->lock);
	fence->drop = drop;
	dma_fence_init(&fence->base, ops, &fence->lock, context, seqno);
	return true;
}

/* The module may go once this has returned: rcu_barrier() in its exit waits for that. */
static void nova_fence_free(struct rcu_head *rcu)
{
	struct nova_fence *fence = container_of(rcu, struct nova_fence, base.rcu);

	fence->drop(fence);
	module_put(THIS_MODULE);
}

void nova_fence_release(struct dma_fence *fence)
{
	call_rcu(&fence->rcu, nova_fence_free);
}

bool nova_fence_signal(struct nova_fence *fence, int error)
{
	unsigned long flags;
	bool first;

	spin_lock_irqsave(&fence->lock, flags);
	first = !test_bit(DMA_FENCE_FLAG_SIGNALED_BIT, &fence->base.flags);
	if (first) {
		if (error)
			dma_fence_set_error(&fence->base, error);
		dma_fence_signal_locked(&fence->base);
	}
	spin_unlock_irqrestore(&fence->lock, flags);
	return first;
}

void nova_dma_fence_get(struct dma_fence *fence)
{
	dma_fence_get(fence);
}

void nova_dma_fence_put(struct dma_fence *fence)
{
	dma_fence_put(fence);
}

bool nova_dma_fence_is_signaled(struct dma_fence *fence)
{
	return dma_fence_is_signaled(fence);
}

/* What has a release function keeps its operations when it is signalled. */
bool nova_dma_fence_is_ours(struct dma_fence *fence)
{
	const struct dma_fence_ops *ops;
	bool ours;

	rcu_read_lock();
	ops = READ_ONCE(*(const struct dma_fence_ops *__force *)&fence->ops);
	ours = ops && ops->release == nova_fence_release;
	rcu_read_unlock();
	return ours;
}

bool nova_dma_fence_begin_signalling(void)
{
	return dma_fence_begin_signalling();
}

void nova_dma_fence_end_signalling(bool cookie)
{
	dma_fence_end_signalling(cookie);
}

struct dma_fence_chain *nova_dma_fence_chain_alloc(void)
{
	return dma_fence_chain_alloc();
}

void nova_dma_fence_chain_free(struct dma_fence_chain *chain)
{
	dma_fence_chain_free(chain);
}

void nova_drm_syncobj_get(struct drm_syncobj *syncobj)
{
	drm_syncobj_get(syncobj);
}

void nova_drm_syncobj_put(struct drm_syncobj *syncobj)
{
	drm_syncobj_put(syncobj);
}
