# SPDX-License-Identifier: GPL-2.0 OR MIT
# From Rust sources to one object a module: `core`, the vendored crates and our crates are built once,
# each module is linked with LTO and stripped of what it does not reach.

# A stable compiler builds `core` and takes -Z flags only when told so, as in the kernel's own build.
nova-version := $(shell cat $(VIRTIO_NOVA_TOP)/guest-driver/VERSION)
nova-rustc  := RUSTC_BOOTSTRAP=1 KERNEL_ABI_BINDINGS_DIR=$(VIRTIO_NOVA_OUT) VIRTIO_NOVA_VERSION=$(nova-version) $(RUSTC)
nova-top    := $(VIRTIO_NOVA_TOP)
nova-vendor := $(VIRTIO_NOVA_VENDOR)
# Kbuild names objects by $(obj)/…; rustc and the linker get the same files by their full path.
nova-out    := $(VIRTIO_NOVA_OUT)
nova-lib    := $(nova-out)/rustlib

nova-edition = $(shell sed -n 's/^edition = "\(.*\)"/\1/p' $(1) | head -n 1)
nova-sources = $(shell find $(1) -name '*.rs')

quiet_cmd_nova_core = RUSTC   core
      cmd_nova_core = mkdir -p $(nova-lib); $(nova-rustc) --crate-name core --crate-type rlib \
	--edition=$(call nova-edition,$(nova-library)/core/Cargo.toml) --cfg no_fp_fmt_parse --cap-lints allow \
	$(nova-rustflags) --out-dir $(nova-lib) --emit=link $(nova-library)/core/src/lib.rs

quiet_cmd_nova_builtins = RUSTC   compiler_builtins
      cmd_nova_builtins = $(nova-rustc) --crate-name compiler_builtins --crate-type rlib --edition=2021 \
	$(nova-rustflags) -L $(nova-lib) --out-dir $(nova-lib) --emit=link $<

# nova_host: a crate that runs in the compiler: name, source, flags.
quiet_cmd_nova_host = HOSTRUSTC $(2)
      cmd_nova_host = mkdir -p $(nova-lib)/host; $(nova-rustc) --crate-name $(2) --edition=2021 --cap-lints allow -O \
	-L $(nova-lib)/host --out-dir $(nova-lib)/host --emit=link $(3)

# nova_lib: a library that links into the module: name, source, flags.
quiet_cmd_nova_lib = RUSTC   $(2)
      cmd_nova_lib = $(nova-rustc) --crate-name $(2) --crate-type rlib --edition=2021 $(nova-rustflags) \
	-L $(nova-lib) -L $(nova-lib)/host --out-dir $(nova-lib) --emit=link $(3)

nova-core := $(obj)/rustlib/libcore.rlib
nova-host := $(obj)/rustlib/host
nova-home := --cfg 'home="kernel"' --check-cfg 'cfg(home, values("kernel", "hosted"))' --check-cfg 'cfg(test, module, loom)'

$(nova-core): $(nova-library)/core/src/lib.rs $(nova-top)/guest-driver/rust-flags.mk
	$(call cmd,nova_core)

$(obj)/rustlib/libcompiler_builtins.rlib: $(nova-top)/guest-driver/compiler_builtins.rs $(nova-core)
	$(call cmd,nova_builtins)

$(nova-host)/libunicode_ident.rlib: $(nova-vendor)/unicode-ident/src/lib.rs
	$(call cmd,nova_host,unicode_ident,--crate-type rlib $<)

$(nova-host)/libproc_macro2.rlib: $(nova-vendor)/proc-macro2/src/lib.rs $(nova-host)/libunicode_ident.rlib
	$(call cmd,nova_host,proc_macro2,--crate-type rlib --cfg 'feature="proc-macro"' --cfg wrap_proc_macro --extern unicode_ident --extern proc_macro $<)

$(nova-host)/libquote.rlib: $(nova-vendor)/quote/src/lib.rs $(nova-host)/libproc_macro2.rlib
	$(call cmd,nova_host,quote,--crate-type rlib --cfg 'feature="proc-macro"' --extern proc_macro2 $<)

$(nova-host)/libpaste.so: $(nova-vendor)/paste/src/lib.rs
	$(call cmd,nova_host,paste,--crate-type proc-macro --extern proc_macro $<)

$(nova-host)/libpinned_init_macro.so: $(nova-vendor)/pinned-init-macro/src/lib.rs $(nova-host)/libquote.rlib
	$(call cmd,nova_host,pinned_init_macro,--crate-type proc-macro --cfg RUSTC_LINT_REASONS_IS_STABLE --extern proc_macro --extern proc_macro2 --extern quote $<)

$(nova-host)/libkernel_abi_macros.so: $(call nova-sources,$(nova-top)/kernel-abi/macros/src) $(nova-host)/libquote.rlib
	$(call cmd,nova_host,kernel_abi_macros,--crate-type proc-macro --extern proc_macro --extern proc_macro2 --extern quote $(nova-top)/kernel-abi/macros/src/lib.rs)

$(obj)/rustlib/libpinned_init.rlib: $(nova-vendor)/pinned-init/src/lib.rs $(nova-host)/libpaste.so \
		$(nova-host)/libpinned_init_macro.so $(obj)/rustlib/libcompiler_builtins.rlib
	$(call cmd,nova_lib,pinned_init,--cap-lints allow --cfg RUSTC_LINT_REASONS_IS_STABLE --cfg RUSTC_NEW_UNINIT_IS_STABLE --extern paste --extern pinned_init_macro $<)

nova-bindings := $(obj)/bindings_generated.rs

# Said before bindgen does, in many lines.
nova-headers := $(shell sed -n 's/^\#include <\(.*\)>$$/\1/p' $(nova-top)/kernel-abi/bindings/bindings_helper.h)
nova-missing := $(foreach header,$(nova-headers),$(if $(wildcard $(srctree)/include/$(header)),,$(header)))
ifneq ($(strip $(nova-missing)),)
$(error virtio_nova: headers of this kernel are missing: $(strip $(nova-missing)))
endif

quiet_cmd_nova_bindgen = BINDGEN $@
      cmd_nova_bindgen = $(BINDGEN) $< --use-core --ctypes-prefix core::ffi --rust-target 1.82 --no-layout-tests \
	--formatter=none --no-doc-comments --no-debug '.*' --enable-function-attribute-detection --default-macro-constant-type signed \
	$(shell sed -e '/^\#/d' $(nova-top)/kernel-abi/bindings/bindgen_parameters) \
	-o $@ --depfile $@.d -- $(filter-out $(nova-not-clang),$(c_flags)) \
	-w --target=x86_64-linux-gnu -DMODULE -I$(nova-top)

-include $(nova-out)/bindings_generated.rs.d
$(nova-bindings): $(nova-top)/kernel-abi/bindings/bindings_helper.h $(nova-top)/kernel-abi/bindings/bindgen_parameters \
		$(wildcard $(nova-top)/*/helpers/*.c)
	$(call cmd,nova_bindgen)

$(obj)/rustlib/libkernel_abi.rlib: $(call nova-sources,$(nova-top)/kernel-abi/src) $(nova-bindings) $(obj)/rustlib/libpinned_init.rlib \
		$(nova-host)/libkernel_abi_macros.so
	$(call cmd,nova_lib,kernel_abi,$(nova-home) --extern pinned_init --extern kernel_abi_macros $(nova-top)/kernel-abi/src/lib.rs)

$(obj)/rustlib/libdrm_core.rlib: $(call nova-sources,$(nova-top)/drm-core/src) $(obj)/rustlib/libkernel_abi.rlib
	$(call cmd,nova_lib,drm_core,$(nova-home) --extern pinned_init --extern kernel_abi $(nova-top)/drm-core/src/lib.rs)

# nova_module: a module's Rust code as one object: name, source.
quiet_cmd_nova_module = RUSTC   $@
      cmd_nova_module = $(nova-rustc) --crate-name $(2) --crate-type staticlib --edition=2021 $(nova-rustflags) -Clto=fat \
	$(nova-home) --cfg module -L $(nova-lib) -L $(nova-lib)/host --extern pinned_init --extern kernel_abi --extern drm_core \
	-o $(nova-out)/lib$(2).a $(3) && \
	$(LD) -r --gc-sections $(addprefix -u ,$(nova-entries)) -o $@ $(nova-out)/lib$(2).a && \
	$(OBJCOPY) --remove-section .llvmbc --remove-section .llvmcmd $@

# What `module!` defines and C refers to by name: nothing else keeps it.
nova-entries := init_module cleanup_module __kernel_abi_entries __kernel_abi_modinfo __kernel_abi_params

# Where MODVERSIONS is on, modpost reads a command file for each object.
nova-command-file = printf 'savedcmd_%s := \n' $@ > $(nova-out)/.$(notdir $@).cmd

$(obj)/virtio_nova_rs.o: $(call nova-sources,$(nova-top)/guest-driver/src) $(obj)/rustlib/libdrm_core.rlib
	$(call cmd,nova_module,virtio_nova,$(nova-top)/guest-driver/src/lib.rs)
	@$(nova-command-file)

$(obj)/kernel_abi_selftest_rs.o: $(call nova-sources,$(nova-top)/guest-driver/selftest/src) $(obj)/rustlib/libdrm_core.rlib
	$(call cmd,nova_module,kernel_abi_selftest,$(nova-top)/guest-driver/selftest/src/lib.rs)
	@$(nova-command-file)

clean-files := rustlib bindings_generated.rs bindings_generated.rs.d libvirtio_nova.a libkernel_abi_selftest.a
