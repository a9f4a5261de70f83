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

$options = '';
foreach ($accounts as $account) {
    $options .= '<option value="' . $account['id'] . '">' . escape($account['first_name'] . ' ' . $account['last_name']) . '</option>';
}
[$head, $foot] = explode('<!--rows-->', file_get_contents($_SERVER['BENCH_PAGE']));
header('Content-Type: text/html; charset=utf-8');
header('Cache-Control: no-store');
echo str_replace(['<!--name-->', '<!--accounts-->', '<!--year-->'],
    [escape($person['first_name'] . ' ' . $person['last_name']), $options, substr($oldest[0]['created_at'], 0, 4)], $head);
$paris = new DateTimeZone('Europe/Paris');
foreach ($payments as $row) {
    $at = new DateTimeImmutable($row['created_at'], new DateTimeZone('UTC'));
    $local = $at->setTimezone($paris);
    $receipt = $row['number'] ? '<a href="/paiement/' . escape($row['reference']) . '/recu.pdf">' . $row['year'] . '-'
        . sprintf('%06d', $row['number']) . ' (PDF)</a>' : '';
    ?>
<tr role="row">
<td role="cell" data-label="Date"><a href="/paiement/<?= escape($row['reference']) ?>"><time datetime="<?= $at->format('c') ?>"><?= $local->format('d/m/Y à G \h i') ?></time></a></td>
<td role="cell" data-label="Compte"><?= escape($row['names']) ?></td>
<td role="cell" data-label="Montant" class="number"><?= number_format($row['amount_cents'] / 100, 2, ',', "\u{202f}") ?>&nbsp;€</td>
<td role="cell" data-label="État"><span class="tag" data-state="<?= escape($row['state']) ?>"><?= escape($labels[$row['state']]) ?></span></td>
<td role="cell" data-label="Reçu"><?= $receipt ?></td>
</tr>
<?php
}
echo $foot;
