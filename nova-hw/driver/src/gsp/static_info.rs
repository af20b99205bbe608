// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! What RM tells about the GPU, taken out of its answer.

use nova_spec::{
    rpc::static_info::{FbRegion, GspStaticConfigInfo},
    FormatError,
};

use crate::info::VramRegion;

/// What is made of RM's answer.
#[derive(Debug)]
pub(crate) struct StaticInfo {
    pub(crate) name: String,
    pub(crate) regions: Vec<VramRegion>,
    pub(crate) engines: Vec<String>,
    /// Where the root directory of BAR1 is.
    pub(crate) bar1_root: u64,
}

impl StaticInfo {
    /// Reads an answer.
    pub(super) fn decode(payload: &[u8]) -> Result<Self, FormatError> {
        let info = GspStaticConfigInfo::decode(payload)?;
        let mut regions: Vec<_> = info.regions().iter().map(region).collect();
        regions.sort_by_key(|region| region.base);
        Ok(Self {
            name: info.gpu_name()?.into(),
            regions,
            bar1_root: info.bar1PdeBase.get(),
            engines: info.engines().map(|engine| engine.to_string()).collect(),
        })
    }
}

fn region(region: &FbRegion) -> VramRegion {
    VramRegion {
        base: region.base.get(),
        limit: region.limit.get(),
        reserved: region.reserved.get(),
        performance: region.performance.get(),
        supports_compressed: region.supportCompressed != 0,
        supports_iso: region.supportISO != 0,
        protected: region.bProtected != 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nova_spec::rm::engine::RmEngineType;
    use zerocopy::IntoBytes;

    #[test]
    fn an_answer_becomes_names_and_regions() {
        let mut info = GspStaticConfigInfo::zeroed();
        info.set_gpu_name("NVIDIA Test");
        assert!(info.add_region(0x1000_0000..0x2000_0000, false));
        assert!(info.add_region(0..0x1000_0000, true));
        // Graphics 0, copy 0 and 2, decoder 3, OFA 1.
        for number in [1, 9, 11, 32, 63] {
            assert!(info.add_engine(RmEngineType(number)));
        }
        let info = StaticInfo::decode(info.as_bytes()).unwrap();
        assert_eq!(info.name, "NVIDIA Test");
        let usable: Vec<_> = info
            .regions
            .iter()
            .map(|it| (it.base, it.is_usable()))
            .collect();
        assert_eq!(usable, [(0, true), (0x1000_0000, false)]);
        assert_eq!(info.engines, ["GR0", "COPY0", "COPY2", "NVDEC3", "OFA1"]);
    }

    #[test]
    fn a_short_answer_is_refused_and_an_empty_one_is_empty() {
        let info = GspStaticConfigInfo::zeroed();
        let bytes = info.as_bytes();
        assert!(StaticInfo::decode(&bytes[..bytes.len() - 8]).is_err());
        let info = StaticInfo::decode(bytes).unwrap();
        assert!(info.name.is_empty() && info.regions.is_empty() && info.engines.is_empty());
    }

    #[test]
    fn a_name_that_is_no_text_is_refused() {
        let mut info = GspStaticConfigInfo::zeroed();
        info.gpuNameString[0] = 0x1b;
        assert!(StaticInfo::decode(info.as_bytes()).is_err());
    }
}
