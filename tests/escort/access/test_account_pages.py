"""The coordinator's page of accounts, and everybody's page of the phones we know him by."""

from starlette.testclient import TestClient

from escort.access import accounts, audit, numbers
from escort.access.models import Role
from escort.cases.service import on_duty
from escort.web.deps import House
from notifications.addresses import phone_of, set_phone
from tests.builders import a_school
from tests.escort.access.conftest import NOW
from tests.escort.access.test_web_access import GOOD, a_volunteer_link, an_account, own_token, sign_in


def test_a_coordinator_makes_the_gates_account(house: House, client: TestClient) -> None:
    an_account(house)
    with house.store.write() as session:
        school = a_school(session)
    sign_in(client)
    posted = {"role": "gate", "school_id": str(school.id), "login": "gate", "name": "老周"}

    answer = client.post("/accounts", data=posted | {"password": GOOD, "csrf_token": own_token(client)})

    assert answer.headers["location"] == "/accounts"
    assert "老周" in client.get("/accounts").text
    sign_in(client, login="gate")
    assert client.get("/gate").json() == {"school": school.id}


def test_a_gate_makes_no_accounts(house: House, client: TestClient) -> None:
    an_account(house, Role.GATE, "gate")
    sign_in(client, login="gate")
    client.cookies.set("dj_office", client.cookies["dj_gate"])

    posted = {"login": "x", "name": "x", "role": "coordinator", "password": GOOD}
    answer = client.post("/accounts", data=posted | {"csrf_token": own_token(client)})

    assert answer.status_code == 403
    with house.store.read() as session:
        assert len(accounts.accounts(session)) == 1


def test_disabling_an_account_ends_it_everywhere(house: House, client: TestClient) -> None:
    an_account(house)
    other_id = an_account(house, login="other")
    other = TestClient(client.app, follow_redirects=False)
    sign_in(other, login="other")
    sign_in(client)

    client.post(f"/accounts/{other_id}/disable", data={"csrf_token": own_token(client)})

    assert other.get("/today").status_code == 303
    assert sign_in(other, login="other").status_code == 401


def test_a_new_password_ends_the_old_one(house: House, client: TestClient) -> None:
    an_account(house)
    other_id = an_account(house, login="other")
    sign_in(client)

    new = "另一句 只有我 知道的 长长的话"
    token = own_token(client)
    client.post(f"/accounts/{other_id}/password", data={"password": new, "csrf_token": token})

    assert sign_in(client, login="other").status_code == 401
    assert sign_in(client, login="other", password=new).status_code == 303


def test_a_volunteer_unties_his_own_phone(house: House, client: TestClient) -> None:
    token = a_volunteer_link(house)
    assert client.get(f"/v/{token}/phones").status_code == 403
    client.post(f"/v/{token}/bind")
    assert "解除" in client.get(f"/v/{token}/phones").text

    client.post(f"/v/{token}/phones/1/revoke")

    assert client.get(f"/v/{token}").json()["bound"] is False


def test_the_office_sees_a_number_that_waits_and_uses_it_after_ringing_back(
    house: House, client: TestClient
) -> None:
    an_account(house)
    with house.store.write() as session:
        set_phone(session, party="volunteer:12", phone="19900001111", now=NOW)
        numbers.change_number(session, party="volunteer:12", phone="19900002222", by="account:1", now=NOW)
    sign_in(client)
    shown = client.get("/people/volunteer:12/phones").text
    form = {"csrf_token": own_token(client)}

    dead = client.post("/people/volunteer:12/number/dead", data=form)
    told_by_hand = client.get("/people/volunteer:12/phones").text
    nobody = client.post("/people/volunteer:12/number/confirm", data=form | {"spoken_with": " "})
    done = client.post("/people/volunteer:12/number/confirm", data=form | {"spoken_with": "王师傅本人"})
    again = client.post("/people/volunteer:12/number/cancel", data=form)

    assert "新号码 199 **** **22 还没启用" in shown
    assert "19900002222" not in shown
    assert "由办公室告诉" in told_by_hand
    assert [answer.status_code for answer in (dead, nobody, done, again)] == [303, 400, 303, 409]
    assert "还没启用" not in client.get("/people/volunteer:12/phones").text
    with house.store.read() as session:
        assert phone_of(session, "volunteer:12") == "+8619900002222"


def test_its_owner_does_not_see_the_number_that_waits(house: House, client: TestClient) -> None:
    token = a_volunteer_link(house)
    client.post(f"/v/{token}/bind")
    with house.store.write() as session:
        set_phone(session, party="volunteer:12", phone="19900001111", now=NOW)
        numbers.change_number(session, party="volunteer:12", phone="19900002222", by="account:1", now=NOW)

    assert "还没启用" not in client.get(f"/v/{token}/phones").text


def test_nobody_unties_anothers_phone(house: House, client: TestClient) -> None:
    token, other = a_volunteer_link(house), a_volunteer_link(house, "volunteer:13")
    client.post(f"/v/{token}/bind")
    client.post(f"/v/{other}/bind")

    client.post(f"/v/{other}/phones/1/revoke")

    assert client.get(f"/v/{token}").json()["bound"] is True


def test_a_coordinator_ends_a_lost_phone_with_its_links(house: House, client: TestClient) -> None:
    number = an_account(house)
    token = a_volunteer_link(house)
    client.post(f"/v/{token}/bind")
    sign_in(client)

    client.post("/people/volunteer:12/phones/revoke-all", data={"csrf_token": own_token(client)})

    assert client.get(f"/v/{token}").status_code == 404
    with house.store.read() as session:
        line = audit.trail(session, subject="volunteer:12")[0]
    assert (line.actor, line.action) == (f"account:{number}", "access.revoked")


def test_a_colleague_takes_the_duty_over_at_her_own_number(house: House, client: TestClient) -> None:
    an_account(house)
    sign_in(client)
    token = {"csrf_token": own_token(client)}
    posted = token | {"role": "coordinator", "login": "wu", "name": "吴岚", "password": GOOD}

    refused = client.post("/accounts", data=posted)
    made = client.post("/accounts", data=posted | {"phone": "199 0000 0011"})
    with house.store.read() as session:
        her = max(account.id or 0 for account in accounts.accounts(session))
    taken = client.post(f"/accounts/{her}/duty", data=token)

    assert (refused.status_code, made.status_code, taken.status_code) == (400, 303, 303)
    assert "请填手机号" in refused.text
    with house.store.read() as session:
        assert on_duty(session, NOW, house.zone) == her
        assert phone_of(session, f"account:{her}") == "+8619900000011"
    shown = client.get("/accounts").text
    assert "正在值班" in shown
    assert "19900000011" not in shown, "numbers are masked"


def test_nobody_is_put_on_duty_without_a_number(house: House, client: TestClient) -> None:
    me = an_account(house)
    sign_in(client)
    token = {"csrf_token": own_token(client)}

    early = client.post(f"/accounts/{me}/duty", data=token)
    assert (early.status_code, "还没有登记手机号" in early.text) == (400, True)
    assert "还没有人值班" in client.get("/accounts").text

    client.post(f"/accounts/{me}/phone", data=token | {"phone": "+86 199-0000-0012"})
    client.post(f"/accounts/{me}/duty", data=token)
    client.post(f"/accounts/{me}/duty", data=token)

    with house.store.read() as session:
        assert on_duty(session, NOW, house.zone) == me
        assert {line.action for line in audit.trail(session, subject=f"account:{me}")} >= {
            "phone.set",
            "duty.set",
        }


def test_who_is_on_duty_is_not_disabled_before_another_takes_over(house: House, client: TestClient) -> None:
    me, other = an_account(house), an_account(house, login="other")
    sign_in(client)
    token = {"csrf_token": own_token(client)}
    client.post(f"/accounts/{other}/phone", data=token | {"phone": "19900000013"})
    client.post(f"/accounts/{other}/duty", data=token)

    on = client.post(f"/accounts/{other}/disable", data=token)
    client.post(f"/accounts/{me}/phone", data=token | {"phone": "19900000014"})
    client.post(f"/accounts/{me}/duty", data=token)
    off = client.post(f"/accounts/{other}/disable", data=token)

    assert (on.status_code, off.status_code) == (400, 303)
    assert "正在值班" in on.text


def test_a_gate_is_never_on_duty(house: House, client: TestClient) -> None:
    an_account(house)
    gate = an_account(house, Role.GATE, "gate")
    sign_in(client)

    assert client.post(f"/accounts/{gate}/duty", data={"csrf_token": own_token(client)}).status_code == 404
