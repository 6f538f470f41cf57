"""Which addresses count as public, in whichever form they are written."""

from __future__ import annotations

import ipaddress

import pytest

from api.addresses import is_public

PRIVATE = ("127.0.0.1", "10.0.0.1", "169.254.169.254", "192.168.1.1", "172.31.0.1", "100.64.0.1", "0.0.0.0")


@pytest.mark.parametrize("inner", PRIVATE)
@pytest.mark.parametrize(
    "form",
    [
        "{}", "::ffff:{}", "::{}", "::ffff:0:{}", "64:ff9b::{}", "64:ff9b:1::{}", "64:ff9b:1:fffe::{}",
        "2606:4700::5efe:{}", "2606:4700::200:5efe:{}", "fe80::5efe:{}", "fec0::{}", "fc00::{}",
    ],
)  # fmt: skip
def test_a_private_address_in_any_disguise(form: str, inner: str) -> None:
    assert not is_public(form.format(inner))


@pytest.mark.parametrize("inner", PRIVATE)
def test_a_private_address_within_6to4_and_teredo(inner: str) -> None:
    number = int(ipaddress.IPv4Address(inner))
    assert not is_public(str(ipaddress.IPv6Address((0x2002 << 112) | (number << 80))))
    assert not is_public(str(ipaddress.IPv6Address((0x20010000 << 96) | (0x08080808 << 64) | (number ^ 0xFFFFFFFF))))
    assert not is_public(str(ipaddress.IPv6Address((0x20010000 << 96) | (number << 64))))


@pytest.mark.parametrize(
    "address",
    [
        "::", "::1", "::1%lo", "fe80::1%eth0", "fec0::1", "fd00::1", "ff02::1", "ff0e::1", "100::1", "100:0:0:1::1",
        "2001:db8::1", "3fff::1", "2001:2::1", "2001:10::1", "2001:20::1", "2002:808:808::1", "5f00::1", "4000::1",
        "64:ff9b:1::808:808", "::8.8.8.8", "192.0.0.9", "192.0.2.1", "192.88.99.1", "198.18.0.1", "203.0.113.9",
        "224.0.0.1", "240.0.0.1", "255.255.255.255",
    ],
)  # fmt: skip
def test_special_addresses_are_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        "1.1.1.1", "8.8.8.8", "100.128.0.1", "172.32.0.1", "192.0.1.1", "223.255.255.255", "2606:4700:4700::1111",
        "2a00:1450:4001::1", "::ffff:8.8.8.8", "64:ff9b::808:808", "2606:4700::5efe:808:808",
    ],
)  # fmt: skip
def test_public_addresses_are(address: str) -> None:
    assert is_public(address)
