"""The page that says what did not work: in the words of the form, and with a way back to it."""

from urllib.parse import urlencode

import pytest

from smtpeter.accounts.operators import Role
from smtpeter.web.dashboard.labels import label
from tests.storage.stores import empty_store, stored
from tests.web.test_dashboard import Browser, browser, signed_in, text

__all__ = ["browser", "empty_store", "signed_in", "stored"]
BACK_KEEPS = "Your browser’s Back shows the form with what you typed."


def page(answered):
    return answered.body.decode()


@pytest.mark.parametrize(
    ("field", "told"),
    [
        ("senders[1]", "May send as, entry 2"),
        ("per_hour", "Recipients an hour"),
        ("note", "Note"),
        ("", ""),
        ("senders[x]", "Senders[x]"),
    ],
)
def test_a_field_is_called_as_its_form_calls_it(field, told):
    assert told == label(field)


def test_a_mistake_in_a_form_leads_back_to_it(signed_in):
    answered = signed_in.post("/logins/shop", {"senders": "a@x.example not:one"})
    assert 422 == answered.status
    assert "May send as, entry 2:" in text(answered)
    assert BACK_KEEPS in text(answered)
    assert '<a class="button" href="/logins/shop">Back to the form</a>' in page(answered)


@pytest.mark.parametrize(
    ("target", "back"),
    [
        ("/logins", "/logins"),
        ("/logins/shop/password", "/logins/shop"),
        ("/account/password", "/account"),
        ("/queue/delete", "/queue"),  # and not to the page that asks whether to delete everything
    ],
)
def test_each_form_has_its_page(signed_in, target, back):
    form = {"username": "a b", "overlap": "7", "state": "delivered"}
    assert f'href="{back}">Back to the form<' in page(signed_in.post(target, form))


def test_a_search_that_means_nothing_leads_back_to_the_search(signed_in):
    answered = signed_in.get("/queue/retry?age=5")
    assert '<a class="button" href="/queue">Back</a>' in page(answered)
    assert BACK_KEEPS not in text(answered)
    assert 'href="/messages">Back<' in page(signed_in.get("/messages?subject=ab"))
    assert 'href="/logins">Back<' in page(signed_in.get("/logins/nobody"))


def test_nobody_is_sent_to_a_page_that_he_may_not_see(stored):
    browser = Browser(stored.new_store().operators, Role.VIEW)
    browser.sign_in()
    assert "Back" not in text(browser.get("/operators/ada"))
    assert "Back" not in text(browser.get("/nowhere"))


@pytest.mark.parametrize("sought", ["AAAAAAAAAAA", "no id at all"])
def test_a_message_sought_by_an_id_that_is_not_there_may_be_sought_again(signed_in, sought):
    answered = signed_in.get(f"/messages?id={sought.replace(' ', '+')}")
    assert 200 == answered.status
    assert "No message is like that." in text(answered)
    assert f'<input name="id" value="{sought}"' in page(answered)


@pytest.mark.parametrize("path", ["/messages", "/bounces", "/changes"])
@pytest.mark.parametrize("place", ["x", "-1", "\u0663", "9" * 19])
def test_a_place_that_no_list_has_is_told(signed_in, path, place):
    answered = signed_in.get(f"{path}?{urlencode({'before': place})}")
    assert (400, True) == (answered.status, "This place in the list does not exist." in text(answered))


def test_what_was_saved_is_said_once_and_by_no_link(signed_in):
    said = '<p class="saved" role="status">Saved</p>'
    answered = signed_in.post("/logins/shop", {"note": "x"})
    assert 303 == answered.status
    brought = answered.headers["Set-Cookie"].partition(";")[0]
    assert said not in page(signed_in.get("/logins/shop"))
    signed_in.cookie += f"; {brought}"
    told = signed_in.get("/logins/shop")
    assert said in page(told)
    assert (brought, True) == (
        told.headers["Set-Cookie"].partition(";")[0],
        told.headers["Set-Cookie"].endswith("; Max-Age=0"),
    )


def test_what_did_not_work_is_not_said_to_be_saved(signed_in):
    assert "Set-Cookie" not in signed_in.post("/logins/shop", {"senders": "not:one"}).headers
