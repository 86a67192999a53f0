//! What handlers take from a request: who speaks, from where, and a JSON body.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::{
    Json,
    extract::{
        ConnectInfo, FromRequest, FromRequestParts, Path, Query, Request,
        rejection::{JsonRejection, PathRejection, QueryRejection},
    },
    http::request::Parts,
};
use serde::de::DeserializeOwned;

use super::{Features, problem::Refused};
use crate::{
    accounts::{AccountsError, Identity},
    types::{Code, Refusal},
};

/// Who speaks, from the `Authorization: Bearer` header.
pub(super) struct Speaker(pub(super) Identity);

impl FromRequestParts<Features> for Speaker {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, _: &Features) -> Result<Self, Refused> {
        // `gate` has checked the token.
        parts.extensions.get::<Identity>().cloned().map(Self).ok_or_else(|| AccountsError::TokenInvalid.into())
    }
}

/// The address of the other side.
pub(super) struct Peer(pub(super) IpAddr);

impl FromRequestParts<Features> for Peer {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, _: &Features) -> Result<Self, Refused> {
        let address = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip());
        Ok(Self(address.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST))))
    }
}

/// A JSON body; what is wrong with it is told as a problem.
pub(super) struct Body<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequest<Features> for Body<T> {
    type Rejection = Refused;

    async fn from_request(request: Request, features: &Features) -> Result<Self, Refused> {
        match Json::<T>::from_request(request, features).await {
            Ok(Json(body)) => Ok(Self(body)),
            Err(rejection) => Err(Refused(refused_body(&rejection))),
        }
    }
}

fn refused_body(rejection: &JsonRejection) -> Refusal {
    match rejection {
        JsonRejection::MissingJsonContentType(_) => Refusal::new(
            Code::RequestInvalid,
            "Send the body as JSON, with the header \"Content-Type: application/json\".",
        ),
        JsonRejection::BytesRejection(_) => {
            Refusal::new(Code::FrameTooLarge, "The body is too large or was cut off; send less.")
        }
        other => Refusal::new(Code::RequestInvalid, format!("The body does not fit: {}.", other.body_text())),
    }
}

/// A part of the path, for example a key.
pub(super) struct PathPart<T>(pub(super) T);

impl<T: DeserializeOwned + Send> FromRequestParts<Features> for PathPart<T> {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, features: &Features) -> Result<Self, Refused> {
        let part: Result<Path<T>, PathRejection> = Path::from_request_parts(parts, features).await;
        part.map(|Path(part)| Self(part)).map_err(|rejection| {
            Refused(Refusal::new(Code::RequestInvalid, format!("The address does not fit: {}.", rejection.body_text())))
        })
    }
}

/// The query of an address.
pub(super) struct QueryOf<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequestParts<Features> for QueryOf<T> {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, features: &Features) -> Result<Self, Refused> {
        let query: Result<Query<T>, QueryRejection> = Query::from_request_parts(parts, features).await;
        query.map(|Query(query)| Self(query)).map_err(|rejection| {
            Refused(Refusal::new(Code::RequestInvalid, format!("The query does not fit: {}.", rejection.body_text())))
        })
    }
}
