// SPDX-License-Identifier: GPL-2.0 OR MIT
#include <linux/module.h>
#include <linux/scatterlist.h>
#include <linux/virtio.h>
#include <linux/virtio_config.h>

bool nova_virtio_has_feature(const struct virtio_device *vdev, unsigned int bit);
int nova_virtio_find_vqs(struct virtio_device *vdev, unsigned int nvqs, struct virtqueue **vqs,
			 struct virtqueue_info *info);
void *nova_virtio_priv(struct virtio_device *vdev);
void nova_sg_init_one(struct scatterlist *sg, const void *buf, unsigned int len);
void nova_virtio_cread_bytes(struct virtio_device *vdev, unsigned int offset, void *buf, size_t len);
void nova_virtio_del_vqs(struct virtio_device *vdev);
void nova_virtio_device_ready(struct virtio_device *vdev);

bool nova_virtio_has_feature(const struct virtio_device *vdev, unsigned int bit)
{
	return virtio_has_feature(vdev, bit);
}

int nova_virtio_find_vqs(struct virtio_device *vdev, unsigned int nvqs, struct virtqueue **vqs,
			 struct virtqueue_info *info)
{
	return virtio_find_vqs(vdev, nvqs, vqs, info, NULL);
}

void nova_sg_init_one(struct scatterlist *sg, const void *buf, unsigned int len)
{
	sg_init_one(sg, buf, len);
}

void nova_virtio_cread_bytes(struct virtio_device *vdev, unsigned int offset, void *buf, size_t len)
{
	virtio_cread_bytes(vdev, offset, buf, len);
}

void nova_virtio_del_vqs(struct virtio_device *vdev)
{
	vdev->config->del_vqs(vdev);
}

void nova_virtio_device_ready(struct virtio_device *vdev)
{
	virtio_device_ready(vdev);
}

void *nova_virtio_priv(struct virtio_device *vdev)
{
	return vdev->priv;
}
