//! What a client refuses before anything is sent; exchanges are tested through the query client.

use super::{HttpClient, HttpSettings, Response, Secret};

fn refused(settings: &HttpSettings) -> String {
    HttpClient::new(settings).unwrap_err().to_string()
}

fn with_headers(headers: &[(&str, &str)]) -> HttpSettings {
    let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), Secret::new((*value).to_owned())));
    HttpSettings { headers: headers.collect(), ..HttpSettings::default() }
}

#[test]
fn a_header_that_cannot_be_sent_is_refused_without_showing_its_value() {
    assert!(HttpClient::new(&with_headers(&[("X-Scope-OrgID", "team a")])).is_ok());
    let broken = refused(&with_headers(&[("X-A", "hidden\r\nX-B: 1")]));
    assert_eq!(broken, "the header `x-a` has characters that a header cannot carry");
    assert_eq!(refused(&with_headers(&[("X A", "hidden")])), "`X A` is not a header name");
    assert_eq!(refused(&with_headers(&[("X-A", "1"), ("x-a", "2")])), "the header `x-a` is given twice");
    let auth = super::Auth::Bearer(Secret::new("hid\nden".to_owned()));
    let token = refused(&HttpSettings { auth, ..HttpSettings::default() });
    assert_eq!(token, "the token has characters that a header cannot carry");
}

#[test]
fn a_certificate_file_without_a_certificate_is_refused() {
    let with = |pem: &str| {
        refused(&HttpSettings { ca_pem: Some(pem.as_bytes().to_vec()), ..HttpSettings::default() })
    };
    assert_eq!(with(""), "the CA file holds no certificate");
    assert_eq!(with("hello"), "the CA file holds no certificate");
    assert!(with("-----BEGIN CERTIFICATE-----\n%%\n-----END CERTIFICATE-----\n").contains("is not PEM"));
}

#[test]
fn an_excerpt_is_one_short_line() {
    let response = |body: &str| {
        let (content_type, retry_after, location) = (None, None, None);
        Response { status: 500, content_type, retry_after, location, body: body.as_bytes().to_vec() }
            .excerpt()
    };
    assert_eq!(response(" a\n\tb\u{7}c "), "a bc");
    let long = response(&"\u{fc}".repeat(900));
    assert_eq!(long.chars().count(), 203);
    assert!(long.ends_with("..."));
}
