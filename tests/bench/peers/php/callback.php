<?php
require __DIR__ . '/common.php';

$raw = file_get_contents('php://input');
$message = $seal = '';
foreach (explode('&', $raw) as $pair) {
    [$name, $value] = explode('=', $pair, 2) + [1 => ''];
    if ($name === 'hmac') {
        $seal = $value;
    } else {
        $message .= $value;
    }
}
$expected = strtoupper(hash_hmac('sha1', $message, hex2bin($_SERVER['BENCH_KEY'])));
if (!hash_equals($expected, $seal)) {
    http_response_code(403);
    exit;
}
$id = hash('sha256', "spplus\0" . substr($raw, 0, strrpos($raw, '&hmac=')));
redis()->xAdd($_SERVER['BENCH_STREAM'], '*', ['v' => '1', 'id' => $id, 'kind' => 'bank_notification', 'at' => gmdate('Y-m-d\TH:i:s\Z'),
    'gateway' => 'spplus', 'raw' => $raw, 'ip' => $_SERVER['REMOTE_ADDR']]);
header('Content-Type: text/plain');
echo "spcheckok\n";
