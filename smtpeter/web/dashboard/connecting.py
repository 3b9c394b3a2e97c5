"""How programs send with a login: lines that are ready to be copied, with PASSWORD where the password goes."""

from __future__ import annotations

from dataclasses import dataclass

from smtpeter.web.dashboard.interface import Connecting


@dataclass(frozen=True, slots=True)
class Way:
    """A program, its lines, and in which file they go ("" for a command)."""

    program: str
    file: str
    lines: str


def ways(connecting: Connecting, username: str, sender: str) -> tuple[Way, ...]:
    """For each program that a listener is there for; () when none is."""
    host = connecting.host
    implicit = connecting.starttls is None
    port = connecting.implicit_tls if implicit else connecting.starttls
    if port is None:
        return ()
    wrapper = "smtp_tls_wrappermode = yes\n" if implicit else ""
    scheme = "smtps" if implicit else "smtp"
    return (
        Way("Postfix", "main.cf", _POSTFIX.format(host=host, port=port, wrapper=wrapper)),
        Way("Postfix", "sasl_passwd", f"[{host}]:{port} {username}:PASSWORD"),
        Way("Postfix, for one sender", "main.cf", _BY_SENDER),
        Way("Postfix, for one sender", "relay_by_sender", f"{sender} [{host}]:{port}"),
        Way("Django", "settings.py", _DJANGO.format(
            host=host, port=port, username=username, tls="EMAIL_USE_SSL" if implicit else "EMAIL_USE_TLS")),
        Way("PHP", "PHPMailer", _PHP.format(
            host=host, port=port, username=username, tls="ssl" if implicit else "tls")),
        Way("Node", "nodemailer", _NODE.format(
            host=host, port=port, username=username, secure="true" if implicit else "false")),
        Way("swaks", "", _SWAKS.format(
            host=host, port=port, username=username, sender=sender, tls="--tls-on-connect" if implicit else "--tls")),
        Way("curl", "", _CURL.format(scheme=scheme, host=host, port=port, username=username, sender=sender)),
    )  # fmt: skip


_POSTFIX = """\
relayhost = [{host}]:{port}
smtp_tls_security_level = verify
{wrapper}smtp_tls_CApath = /etc/ssl/certs
smtp_sasl_auth_enable = yes
smtp_sasl_password_maps = texthash:/etc/postfix/sasl_passwd
smtp_sasl_security_options = noanonymous"""
_BY_SENDER = """\
smtp_sender_dependent_authentication = yes
sender_dependent_relayhost_maps = texthash:/etc/postfix/relay_by_sender"""
_DJANGO = """\
EMAIL_HOST = "{host}"
EMAIL_PORT = {port}
{tls} = True
EMAIL_HOST_USER = "{username}"
EMAIL_HOST_PASSWORD = "PASSWORD\""""
_PHP = """\
$mail->isSMTP();
$mail->Host = '{host}';
$mail->Port = {port};
$mail->SMTPSecure = '{tls}';
$mail->SMTPAuth = true;
$mail->Username = '{username}';
$mail->Password = 'PASSWORD';"""
_NODE = """\
nodemailer.createTransport({{
  host: "{host}", port: {port}, secure: {secure}, requireTLS: true,
  auth: {{ user: "{username}", pass: "PASSWORD" }},
}})"""
_SWAKS = """\
swaks --server {host} --port {port} {tls} --auth-user '{username}' \\
  --auth-password PASSWORD --from {sender} --to reader@example.net"""
_CURL = """\
curl --ssl-reqd {scheme}://{host}:{port} --user '{username}:PASSWORD' \\
  --mail-from {sender} --mail-rcpt reader@example.net --crlf --upload-file message.eml"""
