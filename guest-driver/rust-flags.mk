# SPDX-License-Identifier: GPL-2.0 OR MIT
# rustc's flags, derived from the configuration of the kernel that is built for.
# What each one answers to is in docs/guest-module.md.

RUSTC   ?= rustc
BINDGEN ?= bindgen

# rustc as a number: 1.85.1 is 108501.
nova-rustc-version := $(shell printf '%d%03d%02d' \
	$$($(RUSTC) --version | sed -n 's/^rustc \([0-9]*\)\.\([0-9]*\)\.\([0-9]*\).*/\1 \2 \3/p'))
nova-rustc-min = $(shell test "$(nova-rustc-version)" -ge $(1) && echo y)
ifneq ($(call nova-rustc-min,108500),y)
$(error virtio_nova: rustc 1.85 or newer is needed, $(RUSTC) says "$(shell $(RUSTC) --version 2>&1 | head -n 1)")
endif

nova-library := $(shell $(RUSTC) --print sysroot)/lib/rustlib/src/rust/library
ifeq ($(wildcard $(nova-library)/core/src/lib.rs),)
$(error virtio_nova: no library sources in $(nova-library); install rust-src)
endif

nova-rustflags := --target=x86_64-unknown-none --sysroot=/dev/null \
	-Cpanic=abort -Ccode-model=kernel -Crelocation-model=static -Cno-redzone=y \
	-Cforce-unwind-tables=n -Ccodegen-units=1 -Copt-level=2 -Cdebug-assertions=n \
	-Csymbol-mangling-version=v0 -Zfunction-sections=y \
	-Zplt=yes -Zdirect-access-external-data=yes

# 6.12 has no such option: checks stay on, as the option's own default is.
nova-rustflags += -Coverflow-checks=$(if $(CONFIG_RUST),$(if $(CONFIG_RUST_OVERFLOW_CHECKS),y,n),y)
ifdef CONFIG_FRAME_POINTER
nova-rustflags += -Cforce-frame-pointers=y
endif
ifdef CONFIG_DEBUG_INFO
nova-rustflags += -Cdebuginfo=1 $(if $(CONFIG_DEBUG_INFO_DWARF4),-Zdwarf-version=4,-Zdwarf-version=5)
endif

nova-features :=
ifdef CONFIG_MITIGATION_RETPOLINE
nova-features += +retpoline-external-thunk,+retpoline-indirect-branches,+retpoline-indirect-calls
endif
ifdef CONFIG_MITIGATION_SLS
nova-features += +harden-sls-ijmp,+harden-sls-ret
endif
ifneq ($(nova-features),)
nova-comma := ,
nova-empty :=
nova-space := $(nova-empty) $(nova-empty)
nova-rustflags += -Ctarget-feature=$(subst $(nova-space),$(nova-comma),$(strip $(nova-features)))
endif
ifdef CONFIG_MITIGATION_RETHUNK
nova-rustflags += -Zfunction-return=thunk-extern
endif
ifdef CONFIG_X86_KERNEL_IBT
nova-rustflags += -Zcf-protection=branch
endif
# A jump table is an indirect jump: "notrack" with IBT, unprotected with retpolines.
ifneq ($(CONFIG_MITIGATION_RETPOLINE)$(CONFIG_X86_KERNEL_IBT),)
nova-rustflags += $(if $(call nova-rustc-min,109300),-Cjump-tables=n,-Zno-jump-tables)
endif
ifdef CONFIG_CALL_PADDING
nova-rustflags += -Zpatchable-function-entry=$(CONFIG_FUNCTION_PADDING_BYTES),$(CONFIG_FUNCTION_PADDING_BYTES)
endif
# Older compilers lack the option; LLVM's own alignment on x86-64 is 16, which is what kernels ask for.
ifneq ($(CONFIG_FUNCTION_ALIGNMENT),)
nova-rustflags += $(if $(shell RUSTC_BOOTSTRAP=1 $(RUSTC) -Zhelp 2>/dev/null | grep -w min-function-alignment),-Zmin-function-alignment=$(CONFIG_FUNCTION_ALIGNMENT))
endif

# KASAN sees Rust's accesses only when they are instrumented as C's are: scripts/Makefile.kasan says how. `core` is
# built with the same flags. Tag-based KASAN does not exist on x86-64.
ifdef CONFIG_KASAN_GENERIC
nova-kasan := -asan-mapping-offset=$(CONFIG_KASAN_SHADOW_OFFSET) \
	-asan-instrumentation-with-call-threshold=$(if $(CONFIG_KASAN_INLINE),10000,0) \
	-asan-stack=$(if $(CONFIG_KASAN_STACK),1,0) \
	-asan-globals=1 -asan-kernel-mem-intrinsic-prefix=1
nova-rustflags += -Zsanitizer=kernel-address -Zsanitizer-recover=kernel-address \
	$(addprefix -Cllvm-args=,$(nova-kasan))
endif

# gcc's flags that libclang does not know; the rest of the kernel's flags goes to bindgen.
nova-not-clang := -mpreferred-stack-boundary=% -mindirect-branch=% -mindirect-branch-register \
	-mindirect-branch-cs-prefix -mfunction-return=% -mrecord-mcount -mskip-rax-setup \
	-mharden-sls=% -fconserve-stack -falign-jumps=% -falign-loops=% -fmin-function-alignment=% \
	-fno-allow-store-data-races -fno-reorder-blocks -fno-ipa-cp-clone -fno-ipa-sra \
	-fno-partial-inlining -fno-inline-functions-called-once -fsanitize=bounds-strict \
	-fstrict-flex-arrays=% -fzero-call-used-regs=% -fzero-init-padding-bits=% \
	-fno-stack-clash-protection -fplugin% -fdiagnostics-show-context% --param=% --param asan-% \
	-mno-fp-ret-in-387 -mstack-protector-guard% -femit-struct-debug-baseonly -Werror% -W%
