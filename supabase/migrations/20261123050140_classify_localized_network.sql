-- Purpose: the built-in rules for texts in other languages than English about payments, networks, timeouts and servers.
-- Objects: functions monitoring.list_localized_payment_rules, monitoring.list_localized_network_rules,
--   monitoring.list_localized_timeout_rules.
-- Risks: see classify_success_rules for the priorities, and classify_localized_rules for the phrases.

create function monitoring.list_localized_payment_rules()
returns setof public.classification_rules
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  return next monitoring.define_rule(
    name => 'localized_payment_failed',
    priority => 3010, severity => 'HIGH', category => 'backend',
    matches => 'karte (wurde abgelehnt | ist abgelaufen | abgelehnt) | zahlung & (fehlgeschlagen | abgelehnt'
      '| nicht) | ausreichende deckung'
      '| carte & (refusée | a expiré) | paiement & (refusé | échoué | échec) | fonds insuffisants | suffisamment de '
      'fonds'
      '| tarjeta & (rechazada | rechazado | caducado | expirado) | pago & (falló | rechazado | fallido) | fondos '
      '(suficientes | insuficientes)'
      '| cartão & (recusado | expirou | expirado) | pagamento & (recusado | falhou | rifiutato | riuscito | fallito)'
      '| saldo insuficiente | fundos insuficientes'
      '| carta & (rifiutata | scaduta) | fondi insufficienti | карт* & отклонена | плат* & отклон* | недостаточно '
      'средств'
      '| 卡被拒 | 卡已过期 | 卡片遭拒 | 支付失败 | 付款 (失败 | 失敗 | 遭拒) | 扣款失败 | 退款失败 | 余额不足'
      '| 餘額不足'
      '| カード (が拒否 | の支払い | の有効期限) | 支払いに失敗 | 支払いが拒否 | 決済に失敗 | 残高が不足 | 카드가 '
      '(거부* | 거절* | 만료*) | 결제* & (거절* | 실패*) | 잔액이 부족*',
    unless => 'typeerror | referenceerror',
    example => 'Votre carte a été refusée.',
    counterexample => 'Die Karte wurde geladen'
  );
end
$$;

comment on function monitoring.list_localized_payment_rules() is
'Returns the built-in rules for texts in other languages about failed payments.';

create function monitoring.list_localized_network_rules()
returns setof public.classification_rules
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  return next monitoring.define_rule(
    name => 'localized_network_error',
    priority => 3020, severity => 'HIGH', category => 'infrastructure',
    matches => 'verbindung* & (verweiger* | abgelehnt | fehlgeschlagen | schlug | vorzeitig | abgebrochen | abbruch'
      '| unterbrochen | verloren | getrennt | zurückgesetzt | geschlossen | keine | nicht) | verbinden & nicht'
      '| internetverbindung | geschützter ssl* | verbindungsabbruch | verbindungsfehler | übertragungsverbindung'
      '| keine route | netzwerk ist nicht | netzwerkverbindung | datenübergabe | netzwerkfehler | remote-repository'
      '| senden der anforderung'
      '| connexion & (refusée | ré-initialisée | réinitialisée | réinitialisation | interrompue | fermée | perdue'
      '| impossible | aucune | échec | échoué | erreur | abandon | internet) | connecter & (impossible | pas | échec)'
      '| canal sécurisé | aucun chemin d accès pour | réseau (n est | inaccessible | ne) | relais brisé | impossible '
      'd accéder à | dépôt distant | envoi de la demande | erreur réseau'
      '| conexión & (rehusada | rechazada | reinicializada | interrumpida | interrupción | perdido | perdida'
      '| perdió | cerró | cerrada | reiniciada | terminado | falló | denegó | error | no | fin | desactivada)'
      '| conectar* & (no | não | error | imposible | impossível | falha) | canal seguro | ninguna ruta | red (es '
      'inaccesible | no) | tubería rota | posible acceder a | repositorio remoto | enviar la solicitud | error de '
      'red'
      '| (conexão | ligação) & (recusada | negada | fechada | encerrada | perdida | cortada | falhou | falha'
      '| reiniciada | reposta | nenhuma | não | erro | cancelamento | desativada) | recusou* ativamente | não há rota'
      '| sem caminho | rede (está fora | inacessível | não) | pipe quebrado | impossível ligar | enviar a '
      'solicitação | erro de rede',
    unless => 'report-only | existiert nicht | n existe pas | no existe | não existe | не существует',
    example => 'Es konnte keine Verbindung hergestellt werden',
    counterexample => 'Die Verbindung wird aufgebaut'
  );
  return next monitoring.define_rule(
    name => 'localized_network_error_elsewhere',
    priority => 3020, severity => 'HIGH', category => 'infrastructure',
    matches => 'connessione & (rifiutata | interrotta | chiusa | persa | annullata | fallita | fallito | riuscita'
      '| impossibile | errore) | impossibile connettersi | nessun instradamento | rete non è | errore di rete'
      '| połączeni* & (odrzucone | zerwane | przerwane | nie | zresetowane) | brak trasy | sieć jest | połączyć z'
      '| (соединени* | соединение | подключение | подключени*) & (отказано | потеряно | сброшено | прервано'
      '| закрыто | разорвал | разорвано | разрыв | не) | отверг запрос | соединиться с | нет маршрута | сеть не'
      '| удалось подключиться | ошибка сети',
    unless => 'report-only | existiert nicht | n existe pas | no existe | não existe | не существует',
    example => 'Połączenie odrzucone',
    counterexample => 'Połączenie otwarte'
  );
  return next monitoring.define_rule(
    name => 'localized_network_error_asia',
    priority => 3020, severity => 'HIGH', category => 'infrastructure',
    matches => '(连接 | 连线 | 連線 | 連接) & (拒 | 失败 | 中断 | 断开 | 重置 | 重设 | 关闭 | 中止 | 无法 | 未能'
      '| 无法 | 失敗 | 中斷 | 重設 | 關閉 | 無法) | 网络 (不可达 | 已关闭 | 错误 | 异常) | 到主机的 | 主机关闭'
      '| 断开的管道 | 互联网的连 | 远端意外 | 远程仓库 | 发送请求时 | 安全通道 | 網路 (錯誤 | 連)'
      '| 接続 & (拒 | 切 | 失 | 中断 | リセット | 閉じ | 中止 | ません | オフライン | エラー) | ホストへの経路'
      '| ネットワーク (に届 | が | エラー) | 要求の送信中 | チャネルを作成'
      '| (연결* | 접속*) & (거부* | 초기화* | 중단* | 실패* | 닫* | 끊* | 없* | 너무) | 호스트로 갈 | 네트워크 오류*'
      '| 네트워크가',
    unless => 'report-only | 权限 | 権限 | 不存在 | 存在しません | にはありません',
    example => '无法连接到远程服务器',
    counterexample => '连接已建立'
  );
  return next monitoring.define_rule(
    name => 'localized_host_not_found',
    priority => 3020, severity => 'HIGH', category => 'infrastructure',
    matches => 'nicht aufgelöst werden | host ist unbekannt | derartiger host | in adresse übersetzen'
      '| namensauflösung | dienst ist nicht bekannt | gehört keine adresse | unbekannter (rechner | host)'
      '| angegebenen hostnamen'
      '| être résolu | hôte inconnu | nom d hôte | résolution (du nom | de) | service inconnu | adresse associée'
      '| pas à résoudre | résoudre (le nom | l hôte | hôte | l adresse)'
      '| resolver el nombre | host (desconocido | especificado) | traducir el nombre | fallo temporal | servicio '
      'desconocido | dirección asociada | pudo resolver | error al resolver'
      '| ser resolvido | host não é conhecido | máquina é desconhecida | falha temporári* | serviço desconhecido'
      '| endereço associado | possível resolver | erro ao resolver | traduzir nome'
      '| nome remoto | risoluzione del nome | servizio sconosciuto | impossibile risolvere | nieznany host'
      '| разрешить удаленное | удалось разрешить | хост неизвестен | разрешении имен',
    unless => 'modul* | módulo | module',
    example => 'Der angegebene Host ist unbekannt',
    counterexample => 'Der Host ist bekannt'
  );
  return next monitoring.define_rule(
    name => 'localized_host_not_found_asia',
    priority => 3020, severity => 'HIGH', category => 'infrastructure',
    matches => '解析此远程 | 这样的主机 | 解释主机 | 域名解析 | 名称或服务 | 与主机名 | 未知的主机 | 无法解析'
      '| 能解析域名 | 指定主机名 | 無法解析 | 這台主機 | 不明主機'
      '| モート名を解決 | ホストは不明 | アドレスに変換 | 名前解決 | サービスが不明 | にアドレスが | 不明なホスト'
      '| ホスト名のサーバ | ホスト名を持つ | アドレスは解決'
      '| 원격 이름을 | 알려진 호스트가 | 알 수 없는 호스트* | 혹은 서비스를 | 주소를 알아낼 | 서버를 찾을 수',
    unless => 'modul* | módulo | module | 模块',
    example => '域名解析暂时失败',
    counterexample => '域名已解析'
  );
end
$$;

comment on function monitoring.list_localized_network_rules() is
'Returns the built-in rules for texts in other languages about connections that failed and hosts that were not found.';

create function monitoring.list_localized_timeout_rules()
returns setof public.classification_rules
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  return next monitoring.define_rule(
    name => 'localized_timeout',
    priority => 3110, severity => 'HIGH', category => 'infrastructure',
    matches => 'zeitüberschreitung* | timeout (für vorgang | abgelaufen | überschritten | beim) | wartezeit '
      '(abgelaufen | für) | richtig reagiert | nicht rechtzeitig | antwortet nicht | zu lange | timeoutzeitraum'
      '| verbindungstimeout'
      '| délai & (expiré | dépassé | écoulé | expiration | passerelle) | requête a expiré | répondu (convenablement'
      '| à temps) | ne répond (pas | plus) | temps à répondre'
      '| tiempo de espera & (excedió | excedido | agotado | agotó | operación | caducado | puerta) | tiempo (de '
      'conexión | agotado) | respondió adecuadamente | no (respondió | responde) | tardando demasiado | conexión ha '
      'caducado'
      '| tempo limite & (atingido | esgotou* | esgotado | expirado | excedido | operação) | tempo (esgotado'
      '| excedido) | tempo de espera (expirado | esgotado) | (conexão | ligação) & (expirou | expirada) | respondeu '
      'corretamente | não (respondeu | responde) | demorou muito'
      '| timeout (dell operazione | scaduto | del gateway) | tempo (scaduto | di richiesta) | connessione scaduta'
      '| czas oczekiwania | limitu czasu | limit czasu | время ожидания | времени на запрос'
      '| 超时 | 逾時 | 响应时间过长 | 没有正确答复 | 无响应 | 没有响应 | 応答しません | 無回應 | 正確回應'
      '| タイムアウト | 時間切れ | 正しく応答し | 시간 초과* | 시간이 초과* | 응답이 (너무 | 없*) | 제한 시간이',
    unless => 'configur* | konfigur* | gesetzt | 未设置 | 默认 | 配置 | 设置为 | 設定 | existiert nicht | n existe '
      'pas | no existe | não existe | не существует | 不存在 | 存在しません | にはありません',
    example => 'Zeitüberschreitung der Anforderung',
    counterexample => 'Délai dépassé ? Il est configuré à 30 s'
  );
  return next monitoring.define_rule(
    name => 'localized_server_error',
    priority => 3210, severity => 'HIGH',
    matches => 'interner (serverfehler | server-fehler) | erreur interne (du | au) | erreur de serveur interne'
      '| error interno (del | en) | erro interno (do | no) | errore interno del | wewnętrzny błąd serwera | внутренняя '
      'ошибка'
      '| 内部服务器错误 | 内部服务器出错 | 服务器内部错误 | 伺服器內部錯誤 | 內部伺服器錯誤 | 内部サーバーエラー'
      '| サーバー内部エラー | サーバーエラーが | 내부 서버 오류* | 서버 내부 오류*',
    example => 'Interner Serverfehler',
    counterexample => 'Der Server meldet keinen Fehler'
  );
end
$$;

comment on function monitoring.list_localized_timeout_rules() is
'Returns the built-in rules for texts in other languages about timeouts and internal errors of a server.';
