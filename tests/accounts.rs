//! Accounts: register, log in, tokens, the owner.

use realm_client::{ClientError, Rest};

use crate::harness::{PASSWORD, TestRealm};

fn code(error: &ClientError) -> &str {
    error.code().unwrap_or("no code")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_account_logs_in_and_its_token_says_who_it_is() {
    let realm = TestRealm::start().await;
    let mut player = realm.player("Maren").await;
    assert_eq!(player.rest.validate().await.unwrap().name, "Maren");
    player.rest.logout().await.unwrap();
    player.rest.set_access_token(Some(player.token.clone()));
    assert_eq!(code(&player.rest.validate().await.unwrap_err()), "TOKEN_INVALID");
    realm.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_and_an_unknown_name_get_one_answer() {
    let realm = TestRealm::start().await;
    realm.player("Maren").await;
    let mut rest = Rest::new(&realm.endpoint());
    let wrong = rest.login("Maren", "five lanterns by the sea").await.unwrap_err().to_string();
    let unknown = rest.login("Nobody", PASSWORD).await.unwrap_err().to_string();
    assert_eq!(wrong, unknown);
    assert!(wrong.starts_with("INVALID_CREDENTIALS"), "{wrong}");
    realm.stop().await;
}
