// SPDX-License-Identifier: GPL-2.0 OR MIT
#include <asm/barrier.h>

void nova_dma_mb(void);
void nova_dma_rmb(void);
void nova_dma_wmb(void);
void nova_mb(void);
void nova_rmb(void);
void nova_smp_mb(void);
void nova_smp_rmb(void);
void nova_smp_wmb(void);
void nova_wmb(void);

void nova_dma_mb(void)
{
	dma_mb();
}

void nova_dma_rmb(void)
{
	dma_rmb();
}

void nova_dma_wmb(void)
{
	dma_wmb();
}

void nova_mb(void)
{
	mb();
}

void nova_rmb(void)
{
	rmb();
}

void nova_smp_mb(void)
{
	smp_mb();
}

void nova_smp_rmb(void)
{
	smp_rmb();
}

void nova_smp_wmb(void)
{
	smp_wmb();
}

void nova_wmb(void)
{
	wmb();
}
