// SPDX-License-Identifier: GPL-2.0 OR MIT
#include <linux/file.h>
#include <linux/fs.h>

void nova_get_file(struct file *file);
const struct cred *nova_file_cred(const struct file *file);
unsigned int nova_file_flags(const struct file *file);
void *nova_file_private_data(const struct file *file);

void nova_get_file(struct file *file)
{
	get_file(file);
}

const struct cred *nova_file_cred(const struct file *file)
{
	return file->f_cred;
}

unsigned int nova_file_flags(const struct file *file)
{
	return READ_ONCE(file->f_flags);
}

void *nova_file_private_data(const struct file *file)
{
	return file->private_data;
}
