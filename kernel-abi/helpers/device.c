// SPDX-License-Identifier: GPL-2.0 OR MIT
#include <linux/device.h>

const char *nova_dev_name(const struct device *dev);
int nova_devm_add_action_or_reset(struct device *dev, void (*action)(void *), void *data);

const char *nova_dev_name(const struct device *dev)
{
	return dev_name(dev);
}

int nova_devm_add_action_or_reset(struct device *dev, void (*action)(void *), void *data)
{
	return devm_add_action_or_reset(dev, action, data);
}
