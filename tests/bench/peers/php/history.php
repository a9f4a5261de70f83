<?php
require __DIR__ . '/common.php';

$cookie = $_COOKIE['session'] ?? '';
$name = 'dp:session:' . hash('sha256', base64_decode(strtr($cookie, '-_', '+/')));
$redis = redis();
[$session] = $redis->multi(Redis::PIPELINE)->hGetAll($name)->expire($name, 1800)->exec();
if (!$cookie || empty($session['user'])) {
    header('Location: /connexion', true, 303);
    exit;
}

$statements = json_decode(file_get_contents($_SERVER['BENCH_STATEMENTS']), true);
$labels = json_decode($_SERVER['BENCH_LABELS'], true);
$db = database();
$rows = fn($sql) => $db->execute_query($sql, [$session['user'], $session['school']])->fetch_all(MYSQLI_ASSOC);
[$person] = $rows($statements['user']);
$payments = $rows($statements['history']);
$oldest = $rows($statements['oldest']);
$accounts = $rows($statements['accounts']);

const PAID = ['AUTHORISED' => 1, 'CAPTURED' => 1, 'SETTLED' => 1];

function money(int $cents): string
{
    return number_format($cents / 100, 2, ',', "\u{202f}") . "\u{a0}€";
}

// "7\tJulia\tDurand\t15850" a line, each account once.
function account_cell(?string $text): string
{
    $accounts = [];
    foreach (explode("\n", (string)$text) as $line) {
        [$id, $first, $last, $cents] = explode("\t", $line);
        $accounts[$id] ??= [$first, $last, 0];
        $accounts[$id][2] += (int)$cents;
    }
    if (count($accounts) < 2) {
        return implode('', array_map(fn($a) => escape("$a[0] $a[1]"), $accounts));
    }
    return '<span>' . implode('', array_map(fn($a) => escape($a[0]) . "\u{a0}: " . money($a[2]) . '<br>', $accounts)) . '</span>';
}

function school_year(DateTimeInterface $at): int
{
    return (int)$at->format('Y') - ((int)$at->format('n') < 9 ? 1 : 0);
}

$utc = new DateTimeZone('UTC');
$paris = new DateTimeZone('Europe/Paris');
$options = '';
foreach ($accounts as $account) {
    $options .= '<option value="' . $account['id'] . '">' . escape($account['first_name'] . ' ' . $account['last_name']) . '</option>';
}
$years = '';
for ($year = school_year(new DateTimeImmutable('now', $paris)); $year >= school_year(new DateTimeImmutable($oldest[0]['created_at'], $utc)); $year--) {
    $years .= "<option value=\"$year\">{$year}–" . ($year + 1) . '</option>';
}
array_pop($payments); // one more than the page shows tells whether there is an older one
$last = end($payments);
$older = (new DateTimeImmutable($last['created_at'], $utc))->format('Uu') . '.' . $last['id'];
[$head, $foot] = explode('<!--rows-->', str_replace(['<!--name-->', '<!--accounts-->', '<!--years-->', '<!--older-->'],
    [escape($person['first_name'] . ' ' . $person['last_name']), $options, $years, $older], file_get_contents($_SERVER['BENCH_PAGE'])));
header('Content-Type: text/html; charset=utf-8');
header('Cache-Control: no-store');
echo $head;
foreach ($payments as $row) {
    $at = (new DateTimeImmutable($row['created_at'], $utc))->setTimezone($paris);
    $receipt = $row['number'] && isset(PAID[$row['state']]) ? '<a href="/paiement/' . escape($row['reference']) . '/recu.pdf">' . $row['year']
        . '-' . sprintf('%06d', $row['number']) . ' (PDF)</a>' : '';
    ?>
<tr role="row">
<td role="cell" data-label="Date"><a href="/paiement/<?= escape($row['reference']) ?>"><time datetime="<?= $at->format('c') ?>"><?= $at->format("d/m/Y à G\u{a0}\\h\u{a0}i") ?></time></a></td>
<td role="cell" data-label="Compte"><?= account_cell($row['parts']) ?></td>
<td role="cell" data-label="Montant" class="number"><?= money($row['amount_cents']) ?></td>
<td role="cell" data-label="État"><span class="tag" data-state="<?= escape($row['state']) ?>"><?= escape($labels[$row['state']]) ?></span></td>
<td role="cell" data-label="Reçu"><?= $receipt ?></td>
</tr>
<?php
}
echo $foot;
