"""Pages of listings as S3 servers send them."""

from __future__ import annotations

NAMESPACE = b'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'

# As the servers sent them, cut down to three objects: rclone 1.75.2 serve s3, moto 5.2.5, and the example of
# AWS' own documentation of ListObjectsV2.
RCLONE = (
    b"""<?xml version="1.0" encoding="UTF-8"?>
<ListBucketResult %b>
  <Name>bkt</Name>
  <IsTruncated>true</IsTruncated>
  <Prefix>hablab/nauset/</Prefix>
  <MaxKeys>3</MaxKeys>
  <Contents>
    <Key>hablab/nauset/2020/D20200101/D20200101T000000_IFCB101.adc</Key>
    <LastModified>2020-09-13T12:26:40.123Z</LastModified>
    <ETag>36a92cc94a9e0fa21f625f8bfb007adf</ETag>
    <Size>100</Size>
    <StorageClass>STANDARD</StorageClass>
  </Contents>
  <Contents>
    <Key>hablab/nauset/2020/D20200101/D20200101T000000_IFCB101.hdr</Key>
    <LastModified>2020-09-13T12:26:40Z</LastModified>
    <ETag>1b4618136938cadbb0c1af3fccee2c0d</ETag>
    <Size>900</Size>
    <StorageClass>STANDARD</StorageClass>
  </Contents>
  <Contents>
    <Key>hablab/nauset/2020/D20200101/a%%20b%%2Bc+%%C3%%A9.roi</Key>
    <LastModified>2020-09-13T12:26:40Z</LastModified>
    <ETag>1b4618136938cadbb0c1af3fccee2c0d</ETag>
    <Size>0</Size>
    <StorageClass>STANDARD</StorageClass>
  </Contents>
  <NextContinuationToken>aGFibGFiLw==</NextContinuationToken>
  <KeyCount>3</KeyCount>
</ListBucketResult>
"""
    % NAMESPACE
)
MOTO = (
    b'<?xml version="1.0" encoding="utf-8"?><ListBucketResult %b><Name>bkt</Name><Prefix>hablab/</Prefix>'
    b"<MaxKeys>1000</MaxKeys><KeyCount>2</KeyCount><EncodingType>url</EncodingType><IsTruncated>false</IsTruncated>"
    b"<Contents><Key>hablab/nauset/a%%20b%%2Bc%%0A%%C3%%A9.roi</Key><LastModified>2026-11-22T13:26:36.000Z</LastModified>"
    b"<ETag>&quot;9dd4e461268c8034f5c8564e155c67a6&quot;</ETag><Size>11</Size><StorageClass>STANDARD</StorageClass></Contents>"
    b"<Contents><Key>hablab/nauset/x.adc</Key><LastModified>2026-11-22T13:26:36.000Z</LastModified>"
    b'<ETag>"f561aaf6ef0bf14d4208bb46a4ccb3ad-2"</ETag><Size>104857600</Size><StorageClass>STANDARD</StorageClass></Contents>'
    b"</ListBucketResult>" % NAMESPACE
)
AWS = (
    b'<?xml version="1.0" encoding="UTF-8"?>\n<ListBucketResult %b><Name>bkt</Name><Prefix>hablab/</Prefix>'
    b"<KeyCount>3</KeyCount><MaxKeys>1000</MaxKeys><Delimiter>/</Delimiter><EncodingType>url</EncodingType>"
    b"<IsTruncated>false</IsTruncated><Contents><Key>hablab/a&amp;b&lt;c.roi</Key>"
    b"<LastModified>2009-10-12T17:50:30.000Z</LastModified><ETag>&quot;fba9dede5f27731c9771645a39863328&quot;</ETag>"
    b"<ChecksumAlgorithm>CRC64NVME</ChecksumAlgorithm><ChecksumType>FULL_OBJECT</ChecksumType>"
    b"<Size>434234</Size><StorageClass>STANDARD</StorageClass><Owner><ID>1</ID></Owner></Contents>"
    b"<CommonPrefixes><Prefix>hablab/nauset/</Prefix></CommonPrefixes>"
    b"<CommonPrefixes><Prefix>hablab/s%%C3%%A4ntis%%2B1/</Prefix></CommonPrefixes></ListBucketResult>"
    % NAMESPACE
)
EMPTY = (
    b"<ListBucketResult %b><Name>b</Name><Prefix></Prefix><IsTruncated>false</IsTruncated></ListBucketResult>"
)
PAGES = {
    "rclone": RCLONE,
    "moto": MOTO,
    "aws": AWS,
    "empty": EMPTY % NAMESPACE,
    "no namespace": MOTO.replace(NAMESPACE, b""),
}
