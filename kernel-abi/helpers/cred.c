// SPDX-License-Identifier: GPL-2.0 OR MIT
#include <linux/cred.h>
#include <linux/uidgid.h>

void nova_get_cred(const struct cred *cred);
void nova_put_cred(const struct cred *cred);
kuid_t nova_cred_euid(const struct cred *cred);
kuid_t nova_current_euid_raw(void);
bool nova_uid_eq(kuid_t left, kuid_t right);
u32 nova_from_kuid_current(kuid_t kuid);
u32 nova_from_kuid_init(kuid_t kuid);

void nova_get_cred(const struct cred *cred)
{
	get_cred(cred);
}

void nova_put_cred(const struct cred *cred)
{
	put_cred(cred);
}

kuid_t nova_cred_euid(const struct cred *cred)
{
	return cred->euid;
}

kuid_t nova_current_euid_raw(void)
{
	return current_euid();
}

bool nova_uid_eq(kuid_t left, kuid_t right)
{
	return uid_eq(left, right);
}

u32 nova_from_kuid_current(kuid_t kuid)
{
	return from_kuid(current_user_ns(), kuid);
}

u32 nova_from_kuid_init(kuid_t kuid)
{
	return from_kuid_munged(&init_user_ns, kuid);
}
