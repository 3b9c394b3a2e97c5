"""Tells twistd of `smtpeter`; light, since twistd imports every plugin to list them."""

from twisted.application.service import ServiceMaker

serviceMaker = ServiceMaker("smtpeter", "smtpeter.tap", "A standalone outbound mail server.", "smtpeter")
