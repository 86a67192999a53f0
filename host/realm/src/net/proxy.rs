//! The PROXY protocol, versions 1 and 2: who a load balancer speaks for.

use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;
use proxy_header::{ParseConfig, ProxyHeader};
use tokio::{io::AsyncReadExt as _, net::TcpStream};

/// A header of version 1 is a line of at most this many bytes.
const LINE_BYTES_MAX: usize = 107;
/// Signature, command, family and length of version 2.
const FIXED_BYTES: usize = 16;
/// What may follow them: addresses, and notes of the balancer that are read over.
const VARIABLE_BYTES_MAX: usize = 1_024;

/// The networks from which a header is believed.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Networks(Vec<IpNet>);

impl Networks {
    /// Reads `[net] proxy_networks`.
    pub(super) fn parse(texts: &[String]) -> Result<Self, String> {
        texts.iter().map(|text| network(text)).collect::<Result<_, _>>().map(Self)
    }

    pub(super) fn contain(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }
}

fn network(text: &str) -> Result<IpNet, String> {
    let single = || text.parse::<IpAddr>().ok().map(IpNet::from);
    text.parse::<IpNet>().ok().or_else(single).ok_or_else(|| {
        format!("[net] proxy_networks: \"{text}\" is no network; write it like 10.0.0.0/8, 2001:db8::/32 or 192.0.2.7")
    })
}

/// Reads the header that stands before TLS, and not one byte more. `None`: the balancer speaks for itself, or for one whose address
/// is no internet address.
///
/// # Errors
/// When the header is malformed, too long, or does not come.
pub(super) async fn read_header(socket: &mut TcpStream) -> Result<Option<SocketAddr>, &'static str> {
    let mut bytes = vec![socket.read_u8().await.map_err(|_| "lost")?];
    match bytes[0] {
        b'P' => {
            while !bytes.ends_with(b"\n") {
                if bytes.len() >= LINE_BYTES_MAX {
                    return Err("proxy_header");
                }
                bytes.push(socket.read_u8().await.map_err(|_| "lost")?);
            }
        }
        b'\r' => {
            bytes.resize(FIXED_BYTES, 0);
            socket.read_exact(&mut bytes[1..]).await.map_err(|_| "lost")?;
            let variable = usize::from(u16::from_be_bytes([bytes[FIXED_BYTES - 2], bytes[FIXED_BYTES - 1]]));
            if variable > VARIABLE_BYTES_MAX {
                return Err("proxy_header");
            }
            bytes.resize(FIXED_BYTES + variable, 0);
            socket.read_exact(&mut bytes[FIXED_BYTES..]).await.map_err(|_| "lost")?;
        }
        _ => return Err("proxy_header"),
    }
    speaks_for(&bytes)
}

fn speaks_for(header: &[u8]) -> Result<Option<SocketAddr>, &'static str> {
    let config = ParseConfig { include_tlvs: false, allow_v1: true, allow_v2: true };
    let (header, _) = ProxyHeader::parse(header, config).map_err(|_| "proxy_header")?;
    Ok(header.proxied_address().map(|address| address.source))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_are_read_and_say_how_they_are_written() {
        let networks = Networks::parse(&["10.0.0.0/8".into(), "2001:db8::/32".into(), "192.0.2.7".into()]).unwrap();
        for (address, inside) in [
            ("10.9.8.7", true),
            ("::ffff:10.9.8.7", true),
            ("11.0.0.1", false),
            ("192.0.2.7", true),
            ("192.0.2.8", false),
            ("2001:db8:1::1", true),
            ("2001:db9::1", false),
        ] {
            assert_eq!(networks.contain(address.parse().unwrap()), inside, "{address}");
        }
        let problem = Networks::parse(&["10.0.0.0/33".into()]).unwrap_err();
        assert!(problem.contains("\"10.0.0.0/33\" is no network; write it like"), "{problem}");
    }

    #[test]
    fn both_versions_name_the_client() {
        let client = "192.0.2.44:4711".parse().unwrap();
        assert_eq!(speaks_for(b"PROXY TCP4 192.0.2.44 192.0.2.1 4711 8443\r\n"), Ok(Some(client)));
        assert_eq!(speaks_for(b"PROXY UNKNOWN\r\n"), Ok(None));
        let signature = b"\r\n\r\n\0\r\nQUIT\n";
        let second =
            [&signature[..], &[0x21, 0x11, 0, 12, 192, 0, 2, 44, 192, 0, 2, 1, 0x12, 0x67, 0x20, 0xFB]].concat();
        assert_eq!(speaks_for(&second), Ok(Some(client)));
        assert_eq!(speaks_for(&[&signature[..], &[0x20, 0, 0, 0]].concat()), Ok(None), "a balancer's own visit");
        for broken in [
            &b"PROXY TCP4 192.0.2.44\r\n"[..],
            b"PROXY TCP4 192.0.2.444 192.0.2.1 4711 8443\r\n",
            b"PROXY TCP4 192.0.2.44 192.0.2.1 4711 8443\n",
            b"PROXY TCP9 192.0.2.44 192.0.2.1 4711 8443\r\n",
            &[&signature[..], &[0x31, 0x11, 0, 0]].concat(),
            &[&signature[..], &[0x21, 0x11, 0, 4, 1, 2, 3, 4]].concat(),
        ] {
            assert_eq!(speaks_for(broken), Err("proxy_header"), "{broken:?}");
        }
    }
}
