// SPDX-License-Identifier: GPL-2.0 OR MIT
#include <linux/cred.h>
#include <linux/security.h>
#include <linux/version.h>

/* 6.14 put pointer, length and owner of a context into one structure; here it is one on every kernel. */
struct nova_secctx {
	char *context;
	u32 len;
	int id;
};

int nova_security_secid_to_secctx(u32 secid, struct nova_secctx *ctx);
void nova_security_release_secctx(struct nova_secctx *ctx);
void nova_security_cred_getsecid(const struct cred *cred, u32 *secid);
int nova_security_binder_set_context_mgr(const struct cred *mgr);
int nova_security_binder_transaction(const struct cred *from, const struct cred *to);
int nova_security_binder_transfer_binder(const struct cred *from, const struct cred *to);
int nova_security_binder_transfer_file(const struct cred *from, const struct cred *to, const struct file *file);

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 14, 0)
int nova_security_secid_to_secctx(u32 secid, struct nova_secctx *ctx)
{
	return security_secid_to_secctx(secid, &ctx->context, &ctx->len);
}

void nova_security_release_secctx(struct nova_secctx *ctx)
{
	security_release_secctx(ctx->context, ctx->len);
}
#else
int nova_security_secid_to_secctx(u32 secid, struct nova_secctx *ctx)
{
	struct lsm_context cp = {};
	int ret = security_secid_to_secctx(secid, &cp);

	*ctx = (struct nova_secctx){ cp.context, cp.len, cp.id };
	return ret;
}

void nova_security_release_secctx(struct nova_secctx *ctx)
{
	struct lsm_context cp = { .context = ctx->context, .len = ctx->len, .id = ctx->id };

	security_release_secctx(&cp);
}
#endif

void nova_security_cred_getsecid(const struct cred *cred, u32 *secid)
{
	security_cred_getsecid(cred, secid);
}

int nova_security_binder_set_context_mgr(const struct cred *mgr)
{
	return security_binder_set_context_mgr(mgr);
}

int nova_security_binder_transaction(const struct cred *from, const struct cred *to)
{
	return security_binder_transaction(from, to);
}

int nova_security_binder_transfer_binder(const struct cred *from, const struct cred *to)
{
	return security_binder_transfer_binder(from, to);
}

int nova_security_binder_transfer_file(const struct cred *from, const struct cred *to, const struct file *file)
{
	return security_binder_transfer_file(from, to, file);
}
