//! The three listening sockets.

use std::{io, net::SocketAddr};

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpListener, lookup_host};

use super::{Addresses, Config, NetError};

/// Connections that the kernel keeps for us before we accept them.
const BACKLOG_CONNECTIONS: i32 = 4_096;

/// The three listeners, bound but not yet accepting.
#[derive(Debug)]
pub struct Listeners {
    pub(super) https: TcpListener,
    pub(super) realm: TcpListener,
    pub(super) game: TcpListener,
    addresses: Addresses,
}

impl Listeners {
    /// Binds the three addresses.
    ///
    /// # Errors
    /// When an address is malformed, in use or not ours; the text names key, address and remedy.
    pub async fn bind(config: &Config) -> Result<Self, NetError> {
        let (https, https_address) = listen("https", &config.https).await?;
        let (realm, realm_address) = listen("realm", &config.realm).await?;
        let (game, game_address) = listen("game", &config.game).await?;
        let addresses = Addresses { https: https_address, realm: realm_address, game: game_address };
        Ok(Self { https, realm, game, addresses })
    }

    /// Where they listen.
    #[must_use]
    pub fn addresses(&self) -> Addresses {
        self.addresses
    }
}

async fn listen(key: &'static str, address: &str) -> Result<(TcpListener, SocketAddr), NetError> {
    let refused = |problem: String| NetError::Bind { key, address: address.to_owned(), problem };
    let mut found = lookup_host(address).await.map_err(|error| {
        refused(format!("this is no address with a port ({error}); write it like 127.0.0.1:8443 or [::]:8443"))
    })?;
    let first = found.next().ok_or_else(|| refused("this name has no address; write an IP address".to_owned()))?;
    let listener = open(first).map_err(|error| refused(remedy(key, first, &error)))?;
    let bound = listener.local_addr().map_err(|error| refused(error.to_string()))?;
    Ok((listener, bound))
}

fn open(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // A restart shall not wait for connections of the last run to time out.
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG_CONNECTIONS)?;
    TcpListener::from_std(socket.into())
}

fn remedy(key: &str, address: SocketAddr, error: &io::Error) -> String {
    let port = address.port();
    match error.kind() {
        io::ErrorKind::AddrInUse => format!(
            "port {port} is in use by another program, perhaps by a realm that runs already (`ss -ltnp 'sport = :{port}'` names \
             it); stop that program, or set [net] {key} to another port, or to port 0 for any free one"
        ),
        io::ErrorKind::PermissionDenied => {
            format!("this user may not listen on port {port}; set [net] {key} to a port above 1023")
        }
        io::ErrorKind::AddrNotAvailable => format!(
            "this machine does not have the address {}; set [net] {key} to one it has, or to 0.0.0.0:{port} for all",
            address.ip()
        ),
        _ => format!("the port cannot be opened: {error}; set [net] {key} to another address"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn free() -> Config {
        let any = || "127.0.0.1:0".to_owned();
        Config { https: any(), realm: any(), game: any(), ..Config::default() }
    }

    #[tokio::test]
    async fn a_port_in_use_is_named_with_key_address_and_remedy() {
        let first = Listeners::bind(&free()).await.unwrap();
        let taken = first.addresses().realm.to_string();
        let error = Listeners::bind(&Config { realm: taken.clone(), ..free() }).await.unwrap_err().to_string();
        assert!(error.starts_with(&format!("[net] realm = \"{taken}\": port ")), "{error}");
        assert!(error.contains("is in use") && error.contains("or to port 0"), "{error}");
    }

    #[tokio::test]
    async fn a_malformed_address_says_how_to_write_one() {
        let error = Listeners::bind(&Config { game: "4000".into(), ..free() }).await.unwrap_err().to_string();
        assert!(
            error.starts_with("[net] game = \"4000\"") && error.contains("write it like 127.0.0.1:8443"),
            "{error}"
        );
        let error = Listeners::bind(&Config { https: "192.0.2.1:0".into(), ..free() }).await.unwrap_err().to_string();
        assert!(error.contains("does not have the address 192.0.2.1"), "{error}");
    }
}
