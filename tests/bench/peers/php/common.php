<?php
// What the PHP pages share. Connections live as long as their FPM child.
function redis(): Redis
{
    $redis = new Redis();
    $redis->pconnect($_SERVER['BENCH_REDIS']);
    return $redis;
}

function database(): mysqli
{
    mysqli_report(MYSQLI_REPORT_ERROR | MYSQLI_REPORT_STRICT);
    $db = new mysqli('p:localhost', 'root', '', 'demi_pension', 0, $_SERVER['BENCH_DB']);
    $db->set_charset('utf8mb4');
    return $db;
}

function escape($text): string
{
    return htmlspecialchars((string)$text, ENT_QUOTES | ENT_SUBSTITUTE, 'UTF-8');
}
