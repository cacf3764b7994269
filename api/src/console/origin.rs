//! The names that the server has. A page of another site can have its own name point to this machine (DNS rebinding), and can send
//! requests here: the first is seen by the request's `Host`, the second by its `Origin`.

use std::net::SocketAddr;

/// The names under which the server is asked, with their port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Names {
    port: u16,
    hosts: [String; 2],
}

impl Names {
    /// The address itself, and `localhost`.
    pub fn of(address: SocketAddr) -> Self {
        let port = address.port();
        Self { port, hosts: [address.to_string(), format!("localhost:{port}")] }
    }

    /// The port.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Whether a `Host` names this server.
    pub fn has_host(&self, host: &str) -> bool {
        self.hosts.iter().any(|name| name.eq_ignore_ascii_case(host))
    }

    /// Whether an `Origin` is a page of this server.
    pub fn has_origin(&self, origin: &str) -> bool {
        origin.strip_prefix("http://").is_some_and(|host| self.has_host(host))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_its_own_names_are_the_servers() {
        let names = Names::of("127.0.0.1:8080".parse().unwrap());
        assert!(names.has_host("127.0.0.1:8080") && names.has_host("LocalHost:8080"));
        for host in [
            "",
            "127.0.0.1",
            "127.0.0.1:80",
            "localhost",
            "evil.example:8080",
            "127.0.0.1:8080.evil.example",
            "localhost:80800",
        ] {
            assert!(!names.has_host(host), "{host}");
        }
        assert!(names.has_origin("http://localhost:8080"));
        for origin in
            ["null", "https://localhost:8080", "http://localhost:8081", "http://evil.example", "localhost:8080"]
        {
            assert!(!names.has_origin(origin), "{origin}");
        }
        assert!(Names::of("[::1]:9".parse().unwrap()).has_host("[::1]:9"));
    }
}
