//! PROXY headers of load balancers, as `host/realm/src/net/proxy.rs` has them parsed.

use proxy_header::{ParseConfig, ProxyHeader};

pub(crate) fn fuzz(_: u8, data: &[u8]) {
    let config = ParseConfig { include_tlvs: false, allow_v1: true, allow_v2: true };
    if let Ok((header, bytes)) = ProxyHeader::parse(data, config) {
        assert!(bytes <= data.len());
        // Whom it speaks for can be asked.
        let _ = header.proxied_address();
    }
}
