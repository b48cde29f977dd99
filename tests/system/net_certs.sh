#!/bin/sh
# SPDX-License-Identifier: ISC
#
# net_certs.sh DIR: test certificates in DIR, by openssl.
#
#	rsa-root.pem ec-root.pem	anchors, 3650 days
#	NAME.pem NAME.key NAME.chain	leaf of 30 days, key, issuers but the root
#	self.pem self.key		self-signed, CA:FALSE; selfca: CA:TRUE
#	old-root.pem old.pem		anchor of 10 days, leaf of 30

set -eu

cd "$1"
exec 2>openssl.log

# new_key FILE rsa|weak|ec|p384|ed
new_key()
{
	case $2 in
	rsa) openssl genrsa -out "$1" 2048 ;;
	weak) openssl genrsa -out "$1" 1024 ;;
	ec) openssl ecparam -name prime256v1 -genkey -noout -out "$1" ;;
	p384) openssl ecparam -name secp384r1 -genkey -noout -out "$1" ;;
	esac
}

# self_signed NAME KEYTYPE SUBJECT DAYS EXTENSION...
self_signed()
{
	name=$1 type=$2 subject=$3 days=$4
	shift 4
	new_key "$name.key" "$type"
	: >"$name.ext"
	printf '[req]\ndistinguished_name=dn\nprompt=no\nx509_extensions=x\n' \
		>"$name.ext"
	printf '[dn]\nCN=%s\n[x]\n' "$subject" >>"$name.ext"
	for e; do
		printf '%s\n' "$e" >>"$name.ext"
	done
	openssl req -x509 -new -key "$name.key" -days "$days" -sha256 \
		-config "$name.ext" -out "$name.pem"
}

# issue NAME KEYTYPE SUBJECT DAYS ISSUER DIGEST EXTENSION...
issue()
{
	name=$1 type=$2 subject=$3 days=$4 issuer=$5 digest=$6
	shift 6
	new_key "$name.key" "$type"
	: >"$name.ext"
	for e; do
		printf '%s\n' "$e" >>"$name.ext"
	done
	openssl req -new -key "$name.key" -subj "/CN=$subject" \
		-out "$name.csr"
	openssl x509 -req -in "$name.csr" -CA "$issuer.pem" \
		-CAkey "$issuer.key" -CAcreateserial -days "$days" \
		"-$digest" -extfile "$name.ext" -out "$name.pem"
}

# leaf NAME KEYTYPE ISSUER SUBJECT EXTENSION...: with a chain of the issuer
leaf()
{
	name=$1 type=$2 issuer=$3 subject=$4
	shift 4
	issue "$name" "$type" "$subject" 30 "$issuer" sha256 "$@"
	cp "$issuer.pem" "$name.chain"
}

ca='basicConstraints=critical,CA:TRUE'
sign='keyUsage=critical,keyCertSign,cRLSign'

self_signed rsa-root rsa 'Test RSA root' 3650 "$ca" "$sign"
self_signed ec-root p384 'Test EC root' 3650 "$ca" "$sign"
self_signed lost-root ec 'Test lost root' 3650 "$ca" "$sign"
self_signed old-root ec 'Test old root' 10 "$ca" "$sign"
# the same name as the EC root, another key
self_signed twin-root ec 'Test EC root' 3650 "$ca" "$sign"
issue rsa-int rsa 'Test RSA issuer' 3650 rsa-root sha256 "$ca,pathlen:0" "$sign"
issue ec-int ec 'Test EC issuer' 3650 ec-root sha384 "$ca,pathlen:0" "$sign"
issue lost-int ec 'Test lost issuer' 3650 lost-root sha256 "$ca" "$sign"

san='subjectAltName=DNS:smtp.example.com'
leaf rsa rsa rsa-int smtp.example.com "$san"
leaf ec ec ec-int smtp.example.com "$san" 'extendedKeyUsage=serverAuth'
leaf lost ec lost-int smtp.example.com "$san"
leaf wrong ec ec-int smtp.example.com 'subjectAltName=DNS:other.example.com'
leaf cnonly ec ec-int smtp.example.com 'basicConstraints=CA:FALSE'
leaf ipsan ec ec-int smtp.example.com 'subjectAltName=IP:127.0.0.1'
leaf starcom ec ec-int example.com 'subjectAltName=DNS:*.com'
leaf wild ec ec-int example.com 'subjectAltName=DNS:*.example.com'
leaf part ec ec-int example.com 'subjectAltName=DNS:s*.example.com'
leaf weak weak ec-int smtp.example.com "$san"
leaf critical ec ec-int smtp.example.com "$san" \
	'1.2.3.4=critical,ASN1:UTF8String:x'
issue sha1 ec smtp.example.com 30 ec-int sha1 "$san"
cp ec-int.pem sha1.chain
issue old ec smtp.example.com 30 old-root sha256 "$san"
# issued by a certificate that is no CA
issue noca ec smtp.example.com 30 ec sha256 "$san"
cat ec.pem ec-int.pem >noca.chain
# a stranger in the middle of the chain
cp rsa.pem order.pem
cp rsa.key order.key
cat lost-int.pem rsa-int.pem >order.chain

self_signed self ec 'smtp.example.com' 30 "$san" 'basicConstraints=CA:FALSE'
self_signed selfca ec 'smtp.example.com' 30 "$san" "$ca"

# pin NAME: SHA-256 of its SubjectPublicKeyInfo
for name in rsa ec ec-int ec-root self wrong; do
	openssl x509 -in "$name.pem" -noout -pubkey |
		openssl pkey -pubin -outform DER |
		openssl dgst -sha256 -binary >"$name.pin"
done

: >empty.pem
# the roots in the middle of many; last, without a newline at its end; CRLF
many=/etc/ssl/certs/ca-certificates.crt
[ -r "$many" ] || many=/dev/null
{
	echo "# text between - with dashes"
	cat "$many"
	cat twin-root.pem rsa-root.pem ec-root.pem self.pem old-root.pem
	cat "$many"
} >bundle.pem
{
	cat "$many" rsa-root.pem
	printf '%s' "$(cat ec-root.pem)"
} >last.pem
sed 's/$/\r/' ec-root.pem >crlf.pem
{
	openssl x509 -in rsa-root.pem -trustout -addtrust serverAuth
	sed 's/ CERT/ X509 CERT/' ec-root.pem
} >odd.pem
# five of one name: the fifth is not kept
cat twin-root.pem twin-root.pem twin-root.pem ec-root.pem >four.pem
cat twin-root.pem four.pem >five.pem
{
	printf -- '-----BEGIN CERTIFICATE-----\nMIIB\n'
	printf -- '-----BEGIN CERTIFICATE-----\n!!!!\n'
	printf -- '-----END CERTIFICATE-----\n'
	cat ec-root.pem
} >broken.pem
