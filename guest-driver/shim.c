// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * The module's C shim: what modpost and the loader look for by C symbol.
 * Everything else is Rust.
 */
#include <linux/init.h>
#include <linux/mod_devicetable.h>
#include <linux/module.h>

int virtio_nova_init(void);
void virtio_nova_exit(void);

/* 6: "ioMemory" of the VIRTIO id table (docs/virtio-nova.md, section 1). */
const struct virtio_device_id virtio_nova_id_table[] = {
	{ .device = 6, .vendor = VIRTIO_DEV_ANY_ID },
	{ },
};
MODULE_DEVICE_TABLE(virtio, virtio_nova_id_table);

static int __init virtio_nova_module_init(void)
{
	return virtio_nova_init();
}

static void __exit virtio_nova_module_exit(void)
{
	virtio_nova_exit();
}

module_init(virtio_nova_module_init);
module_exit(virtio_nova_module_exit);

MODULE_AUTHOR("The vhost-nova project");
MODULE_DESCRIPTION("virtio-nova: a share of an NVIDIA GPU as a DRM render node");
MODULE_LICENSE("Dual MIT/GPL");
